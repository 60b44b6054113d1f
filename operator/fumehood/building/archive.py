"""What a builder wrote, made fit to be an environment: an OCI archive in, an OCI archive out.

Layers are copied entry by entry. On the way time stamps are cut, so that equal files give
equal bytes whichever program built them; what raises privileges is taken off; and the lists of
packages are kept. Nothing is unpacked to disk, and nothing of the image is executed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from ..core import packages
from ..errors import BuildError

EPOCH = 1793491200  # 2026-11-01: no file of an environment is younger
MAX_JSON = 8 << 20
MAX_LISTS = 256 << 20  # bytes of all lists of packages together
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_REF_NAME = "org.opencontainers.image.ref.name"
_CAPABILITY = "SCHILY.xattr.security.capability"
_CONFIG_KEPT = ("architecture", "config", "history", "os", "rootfs", "variant")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

Json = dict[str, Any]


@dataclass
class Content:
    """What was found in the layers, the upper hiding the lower."""

    lists: dict[str, bytes] = field(default_factory=dict)
    neutralised: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)

    def hide(self, path: str, *, below_only: bool = False) -> None:
        """Forget what a layer removes or replaces."""
        for paths in (self.neutralised, self.dropped):
            paths -= {one for one in paths if _is_below(one, path) or (one == path and not below_only)}
        for one in [one for one in self.lists if _is_below(one, path) or (one == path and not below_only)]:
            del self.lists[one]


@dataclass(frozen=True)
class Image:
    """A finished archive: its manifest's digest, as a registry would have it, and what the image holds."""

    digest: str
    content: Content


def normalise(source: Path, target: Path, reference: str) -> Image:
    """Write the one image of the OCI archive `source` to `target`, under the name `reference`.

    Raises:
        BuildError: `source` is no such archive, or holds what no environment may.
    """
    try:
        with tarfile.open(source) as archive, tempfile.TemporaryDirectory(dir=target.parent) as folder:
            return _normalise(archive, Path(folder), target, reference)
    except (tarfile.TarError, KeyError, IndexError, TypeError, AttributeError, ValueError, EOFError, gzip.BadGzipFile) as error:
        raise BuildError(
            f"{source}: not an OCI archive of one image with plain or gzip layers ({type(error).__name__}: {error})"
        ) from error


def _normalise(archive: tarfile.TarFile, folder: Path, target: Path, reference: str) -> Image:
    entries = _json(archive, "index.json")["manifests"]
    if len(entries) != 1 or entries[0].get("mediaType", _MANIFEST) != _MANIFEST:
        raise BuildError(f"the archive holds {len(entries)} images; an environment is one image, for one kind of machine")
    manifest = _json(archive, _blob(entries[0]["digest"]))
    config = _json(archive, _blob(manifest["config"]["digest"]))
    machine = _MACHINES.get(platform.machine(), platform.machine())
    if config.get("os", "linux") != "linux":
        raise BuildError(f"the image is for {config['os']}; environments are Linux images")
    content, blobs, layers, plain = Content(), {}, [], []
    for number, layer in enumerate(manifest["layers"]):
        path = folder / str(number)
        with _open(archive, _blob(layer["digest"])) as packed, path.open("wb") as written:
            layered, digest, uncompressed = _layer(packed, written, content)
        content = layered
        layers.append({"mediaType": _LAYER, "digest": digest, "size": path.stat().st_size})
        plain.append(uncompressed)
        blobs[digest] = path
    raw_config = _dumped(_config(config, plain) | {"architecture": config.get("architecture", machine)})
    raw = _dumped(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": {"mediaType": _CONFIG, "digest": _digest(raw_config), "size": len(raw_config)},
            "layers": layers,
        }
    )
    _write(target, reference, raw, raw_config, blobs)
    return Image(_digest(raw), content)


def _layer(packed: IO[bytes], written: IO[bytes], lower: Content) -> tuple[Content, str, str]:
    """Copy one layer; return what is then seen, and the layer's digest with and without compression."""
    compressed = _Hashing(written)
    with gzip.GzipFile(filename="", fileobj=compressed, mode="wb", compresslevel=6, mtime=0) as zipped:
        plain = _Hashing(zipped)
        content = Content()
        with (
            tarfile.open(fileobj=packed, mode="r|*") as source,
            tarfile.open(fileobj=cast(IO[bytes], plain), mode="w|", format=tarfile.PAX_FORMAT) as target,
        ):
            for member in source:
                _copy(member, source, target, content, lower)
    lower.lists |= content.lists
    lower.neutralised |= content.neutralised
    lower.dropped |= content.dropped
    if sum(map(len, lower.lists.values())) > MAX_LISTS:
        raise BuildError(f"the image's lists of packages have more than {MAX_LISTS >> 20} MiB")
    return lower, compressed.digest, plain.digest


def _copy(member: tarfile.TarInfo, source: tarfile.TarFile, target: tarfile.TarFile, content: Content, lower: Content) -> None:
    path = _path(member.name)
    if member.issparse():
        raise BuildError(f"{path}: layers with sparse files are not supported")
    folder, _, name = path.rpartition("/")
    if name == ".wh..wh..opq":
        lower.hide(folder, below_only=True)
    elif name.startswith(".wh."):
        lower.hide(f"{folder}/{name[4:]}".lstrip("/"))
    elif not member.isdir():
        lower.hide(path)
    if member.ischr() or member.isblk():
        content.dropped.add(path)
        return
    if _neutralise(member):
        content.neutralised.add(path)
    member.mtime = min(int(member.mtime), EPOCH)
    member.uname = member.gname = ""
    data = source.extractfile(member) if member.isreg() else None
    if data is not None and packages.is_list(path) and member.size <= packages.MAX_LIST:
        raw = data.read()
        content.lists[path] = raw
        data = io.BytesIO(raw)
    target.addfile(member, data)


def _neutralise(member: tarfile.TarInfo) -> bool:
    """Take off what raises privileges; return whether there was anything. Of folders, setgid only hands down a group."""
    headers = {name: value for name, value in member.pax_headers.items() if name.startswith("SCHILY.xattr.") and name != _CAPABILITY}
    raised = _CAPABILITY in member.pax_headers or (not member.isdir() and bool(member.mode & 0o6000))
    member.pax_headers = headers
    if not member.isdir():
        member.mode &= ~0o6000
    return raised


def _path(name: str) -> str:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise BuildError(f"a layer holds {name!r}, which leads out of the image")
    return "/".join(parts)


def _is_below(path: str, folder: str) -> bool:
    return not folder or path.startswith(folder + "/")


def _config(config: Json, plain: list[str]) -> Json:
    """The configuration without what differs between equal builds."""
    kept = {name: config[name] for name in _CONFIG_KEPT if name in config}
    kept["rootfs"] = {"type": "layers", "diff_ids": plain}
    kept["history"] = [{name: value for name, value in step.items() if name != "created"} for step in config.get("history") or []]
    return kept


def _write(target: Path, reference: str, manifest: bytes, config: bytes, blobs: dict[str, Path]) -> None:
    entry = {"mediaType": _MANIFEST, "digest": _digest(manifest), "size": len(manifest), "annotations": {_REF_NAME: reference}}
    partial = target.with_name(f".{target.name}.partial")
    with tarfile.open(partial, "w", format=tarfile.PAX_FORMAT) as archive:
        _add(archive, "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _add(archive, "index.json", _dumped({"schemaVersion": 2, "manifests": [entry]}))
        for raw in (manifest, config):
            _add(archive, _blob(_digest(raw)), raw)
        for digest, path in sorted(blobs.items()):
            with path.open("rb") as blob:
                archive.addfile(_member(_blob(digest), path.stat().st_size), blob)
    partial.replace(target)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    archive.addfile(_member(name, len(content)), io.BytesIO(content))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, EPOCH, 0o644
    return member


def _json(archive: tarfile.TarFile, name: str) -> Json:
    with _open(archive, name) as file:
        raw = file.read(MAX_JSON + 1)
    if len(raw) > MAX_JSON:
        raise BuildError(f"{name} of the archive has more than {MAX_JSON >> 20} MiB")
    return dict(json.loads(raw))


def _open(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return file


def _blob(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _dumped(document: Json) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _digest(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


class _Hashing:
    """A file to write to, and the digest of what was written."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile) -> None:
        self._file = file
        self._state = hashlib.sha256()

    @property
    def digest(self) -> str:
        """Of all that was written so far."""
        return "sha256:" + self._state.hexdigest()

    def write(self, data: bytes) -> int:
        """As files do."""
        self._state.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """As files do."""
        self._file.flush()


def summary(paths: Iterable[str], most: int = 8) -> str:
    """Return a few paths of many, for a message."""
    listed = sorted(paths)
    return ", ".join(listed[:most]) + (f" and {len(listed) - most} more" if len(listed) > most else "")
