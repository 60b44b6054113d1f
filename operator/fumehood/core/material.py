"""The files of a job, from what its manifest names and what was found of that (pure)."""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fumehood_sandbox import wire

from ..api.v1alpha1 import AnalysisJob, ArtifactSource, Evidence, Input, S3Object
from ..api.v1alpha1.common import FILE_NAME
from . import sanitise
from .failures import Reason, Refused

# An order travels in a Secret, which holds 1 MiB; the permit and the links need room too.
MAX_TEXT = 640 << 10
MAX_LISTED = 1000  # objects of one folder: each needs a link in the order
_MAX_PATH, _MAX_PART, _MAX_PARTS = 1024, 255, 16
_NAME_RULE = "use letters, digits and ._+- in folders of at most 8 levels"
_PATH_RULE = f"an object's name must be printable, at most {_MAX_PARTS} levels deep, and have no part that is empty, . or .."

Json = dict[str, Any]


@dataclass(frozen=True)
class PlannedFile:
    """One file to stage; exactly one of `text`, `data`, `uri` (s3://bucket/key) and `url` (https://…) is set."""

    name: str
    text: str | None = None
    data: bytes | None = None
    uri: str | None = None
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Located:
    """An artifact of another job, where it is."""

    uri: str
    sha256: str


@dataclass(frozen=True)
class Found:
    """What was found of all that a job names; what is not here is not there.

    `config_maps` by name, `folders` (names of objects, relative) by URI, `artifacts` by what names them.
    """

    config_maps: Mapping[str, Json] = field(default_factory=dict)
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    artifacts: Mapping[ArtifactSource, Located] = field(default_factory=dict)


def source_files(job: AnalysisJob, found: Found) -> tuple[PlannedFile, ...]:
    """Return the files of spec.source.

    Raises:
        Refused: they are not there, lack the entrypoint, or cannot be handed over.
    """
    source = job.spec.source
    if source.files is not None:
        files = tuple(PlannedFile(name, text=text) for name, text in sorted(source.files.items()))
    elif source.config_map is not None:
        files = _keys(source.config_map.name, found, "", "spec.source.configMap", Reason.SOURCE_MISSING)
    elif source.s3 is not None and source.s3.folder:
        files = _folder(source.s3, found, "", "spec.source.s3", Reason.SOURCE_MISSING)
    elif source.s3 is not None:
        files = (PlannedFile(source.entrypoint, uri=source.s3.uri, sha256=source.s3.sha256),)
    else:
        assert source.artifact is not None
        located = found.artifacts[source.artifact]
        files = (PlannedFile(source.entrypoint, uri=located.uri, sha256=located.sha256),)
    if all(file.name != source.entrypoint for file in files):
        raise Refused(Reason.SOURCE_INVALID, f"spec.source.entrypoint: there is no {source.entrypoint!r} among the files of the source")
    _check_names(files, "spec.source", Reason.SOURCE_INVALID)
    return files


def input_files(job: AnalysisJob, found: Found) -> tuple[PlannedFile, ...]:
    """Return the files below /inputs.

    Raises:
        Refused: one is not there, or cannot be handed over.
    """
    files = [file for at, item in enumerate(job.spec.inputs) for file in _input(item, found, f"spec.inputs[{at}]")]
    if job.spec.parameters is not None:
        text = json.dumps(job.spec.parameters, ensure_ascii=False, sort_keys=True)
        files.append(PlannedFile(wire.PARAMETERS, text=text))
    _check_names(files, "spec.inputs", Reason.SPEC_INVALID)
    return tuple(files)


def check_size(files: tuple[PlannedFile, ...]) -> None:
    """Refuse more text than an order has room for."""
    total = sum(len(file.data or b"") + len((file.text or "").encode(errors="replace")) for file in files)
    if total > MAX_TEXT:
        raise Refused(
            Reason.SOURCE_INVALID,
            f"spec.source, spec.inputs and spec.parameters: {total} bytes given in the manifest and in ConfigMaps, at most {MAX_TEXT} "
            "are allowed; put the large ones into the store and name them by s3",
            Evidence(allowed=str(MAX_TEXT), measured=str(total)),
        )


def _input(item: Input, found: Found, field: str) -> Iterator[PlannedFile]:
    if item.inline is not None:
        yield PlannedFile(item.name, text=item.inline.text, sha256=item.sha256)
    elif item.config_map is not None and item.config_map.key is not None:
        yield _key(item.name, item.config_map.name, item.config_map.key, item.sha256, found, f"{field}.configMap")
    elif item.config_map is not None:
        yield from _keys(item.config_map.name, found, item.name + "/", f"{field}.configMap", Reason.INPUT_MISSING)
    elif item.s3 is not None and item.s3.folder:
        yield from _folder(item.s3, found, item.name + "/", f"{field}.s3", Reason.INPUT_MISSING)
    elif item.s3 is not None:
        yield PlannedFile(item.name, uri=item.s3.uri, sha256=_digest(item, item.s3, field))
    elif item.artifact is not None:
        located = found.artifacts[item.artifact]
        yield PlannedFile(item.name, uri=located.uri, sha256=item.sha256 or located.sha256)
    else:
        assert item.https is not None
        yield PlannedFile(item.name, url=item.https.url, sha256=item.sha256)


def _digest(item: Input, s3: S3Object, field: str) -> str | None:
    given = {digest.removeprefix("sha256:") for digest in (item.sha256, s3.sha256) if digest}
    if len(given) > 1:
        raise Refused(
            Reason.INPUT_DIGEST_MISMATCH, f"{field}: sha256 and s3.sha256 are different; give one of them", Evidence(entry=item.name)
        )
    return item.sha256 or s3.sha256


def _keys(name: str, found: Found, below: str, field: str, missing: Reason) -> tuple[PlannedFile, ...]:
    """All keys of a ConfigMap as files; text and binary data are alike."""
    document = found.config_maps.get(name)
    if document is None:
        raise Refused(missing, f"{field}: there is no ConfigMap {name!r} in this namespace", Evidence(entry=name))
    return tuple(PlannedFile(below + key, text=text, data=data) for key, (text, data) in sorted(_contents(document).items()))


def _key(name: str, config_map: str, key: str, sha256: str | None, found: Found, field: str) -> PlannedFile:
    document = found.config_maps.get(config_map)
    if document is None:
        raise Refused(Reason.INPUT_MISSING, f"{field}: there is no ConfigMap {config_map!r} in this namespace", Evidence(entry=name))
    contents = _contents(document)
    if key not in contents:
        raise Refused(Reason.INPUT_MISSING, f"{field}: ConfigMap {config_map!r} has no key {key!r}", Evidence(entry=name))
    text, data = contents[key]
    return PlannedFile(name, text=text, data=data, sha256=sha256)


def _contents(document: Json) -> dict[str, tuple[str | None, bytes | None]]:
    texts = {str(key): (str(text), None) for key, text in (document.get("data") or {}).items()}
    binary = {str(key): (None, binascii.a2b_base64(str(data))) for key, data in (document.get("binaryData") or {}).items()}
    return {**texts, **binary}


def _folder(s3: S3Object, found: Found, below: str, field: str, missing: Reason) -> tuple[PlannedFile, ...]:
    listed = found.folders.get(s3.uri, ())
    if not listed:
        raise Refused(missing, f"{field}: the store has no object below {s3.uri!r}", Evidence(entry=s3.uri[:255]))
    if len(listed) > MAX_LISTED:
        raise Refused(
            Reason.SPEC_INVALID,
            f"{field}: there are more than {MAX_LISTED} objects below {s3.uri!r}; give a narrower folder, or one archive",
            Evidence(entry=s3.uri[:255], allowed=str(MAX_LISTED)),
        )
    return tuple(PlannedFile(below + name, uri=s3.uri + name) for name in listed)


def _check_names(files: tuple[PlannedFile, ...] | list[PlannedFile], field: str, reason: Reason) -> None:
    seen: set[str] = set()
    folders: set[str] = set()
    for file in files:
        shown = sanitise.printable(file.name)[:64]
        fits, rule = (_is_plain, _NAME_RULE) if file.uri is None else (_is_path, _PATH_RULE)
        if not fits(file.name):
            raise Refused(reason, f"{field}: {shown!r} is no file name; {rule}", Evidence(entry=shown))
        parents = {file.name.rsplit("/", depth)[0] for depth in range(1, file.name.count("/") + 1)}
        if file.name in seen or parents & seen or file.name in folders:
            raise Refused(reason, f"{field}: {shown!r} is there twice, or is both a file and a folder", Evidence(entry=shown))
        seen.add(file.name)
        folders |= parents


def _is_plain(name: str) -> bool:
    return re.search(FILE_NAME, name) is not None and not name.endswith("\n")


def _is_path(name: str) -> bool:
    """Objects are called as their owners like, blanks and umlauts included, so long as it stays a path below a folder."""
    parts = name.split("/")
    return (
        len(name.encode(errors="replace")) <= _MAX_PATH
        and len(parts) <= _MAX_PARTS
        and name.isprintable()
        and all(part not in ("", ".", "..") and len(part.encode(errors="replace")) <= _MAX_PART for part in parts)
        and not name.startswith(".")
    )
