"""Image archives in the cache: packed from an OCI layout, kept few, asked for their digest.

The layout keeps compressed layers between builds, so that after a change of code
only the changed layer is compressed; an archive is the part of it that one image needs.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from .process import EPOCH

KEPT = 2
PACKAGES = ".packages"  # what an archive holds, in a file beside it
REF_NAME = "org.opencontainers.image.ref.name"


def pack(layout: Path, tag: str, archive: Path) -> None:
    """Write the image `tag` of an OCI layout as an archive: the same bytes for the same image."""
    entries = [entry for entry in _index(layout) if entry.get("annotations", {}).get(REF_NAME) == tag]
    index = {"schemaVersion": 2, "manifests": entries}
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as packed:
        _add(packed, "oci-layout", (layout / "oci-layout").read_bytes())
        _add(packed, "index.json", json.dumps(index).encode())
        for digest in sorted(_blobs(layout, entries)):
            path = _path(digest)
            member = _member(path, (layout / path).stat().st_size)
            with (layout / path).open("rb") as blob:
                packed.addfile(member, blob)


def sweep(layout: Path) -> None:
    """Remove blobs that no image of the layout needs any more."""
    used = {_path(digest) for digest in _blobs(layout, _index(layout))}
    for blob in (layout / "blobs").glob("*/*"):
        if blob.relative_to(layout).as_posix() not in used:
            blob.unlink()


def _index(layout: Path) -> list[dict[str, Any]]:
    return list(json.loads((layout / "index.json").read_text())["manifests"])


def _blobs(layout: Path, entries: Iterable[dict[str, Any]]) -> set[str]:
    """Digests of the manifests, configurations and layers of index entries."""
    digests: set[str] = set()
    for entry in entries:
        manifest = json.loads((layout / _path(entry["digest"])).read_text())
        digests |= {entry["digest"], manifest["config"]["digest"], *(layer["digest"] for layer in manifest["layers"])}
    return digests


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, EPOCH, 0o644
    return member


def _add(packed: tarfile.TarFile, name: str, content: bytes) -> None:
    packed.addfile(_member(name, len(content)), io.BytesIO(content))


def manifest_digest(archive: Path) -> str | None:
    """Digest of the one image of an archive with an OCI index; None where it has none."""
    with tarfile.open(archive) as packed:
        try:
            index = packed.extractfile("index.json")
        except KeyError:
            return None
        manifests = json.load(index)["manifests"] if index else []
    return str(manifests[0]["digest"]) if len(manifests) == 1 else None


def layers(packed: tarfile.TarFile) -> Iterator[IO[bytes]]:
    """The layers of the one image of an open archive with an OCI index, from the lowest; none where it has no index."""
    if "index.json" not in packed.getnames():
        return
    (entry,) = _document(packed, "index.json")["manifests"]
    for layer in _document(packed, _path(entry["digest"]))["layers"]:
        yield cast("IO[bytes]", packed.extractfile(_path(layer["digest"])))


def _document(packed: tarfile.TarFile, name: str) -> dict[str, Any]:
    return dict(json.load(cast("IO[bytes]", packed.extractfile(name))))


def prune(folder: Path, name: str, newest: Path) -> None:
    """Remove all but the last archives of an image."""
    others = [file for file in folder.glob(f"{name}-*.tar") if file != newest]
    for file in sorted(others, key=lambda file: file.stat().st_mtime, reverse=True)[KEPT - 1 :]:
        file.unlink(missing_ok=True)
        file.with_suffix(PACKAGES).unlink(missing_ok=True)
