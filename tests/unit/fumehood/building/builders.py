"""Archives as builders write them, and an engine that builds the same image of everything."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BASE = "debian@sha256:" + "b" * 64
RECIPE = {"name": "awk", "envVersion": "awk-1", "adapter": "command", "base": {"image": BASE}, "apt": ["gawk"]}
STATUS = b"Package: gawk\nStatus: install ok installed\nVersion: 5.3\n"


def file(name: str, content: bytes = b"", mode: int = 0o644, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), mode, more.pop("mtime", 5)
    for key, value in more.items():
        setattr(member, key, value)
    return member, content


def special(name: str, kind: bytes, **more: Any) -> tuple[tarfile.TarInfo, bytes]:
    return file(name, type=kind, **more)


def tar(entries: Sequence[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as packed:
        for member, content in entries:
            packed.addfile(member, io.BytesIO(content) if member.isreg() else None)
    return buffer.getvalue()


def oci(path: Path, layers: Sequence[bytes], config: Mapping[str, Any] | None = None, images: int = 1) -> Path:
    blobs: dict[str, bytes] = {}

    def blob(content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}", "size": len(content)}

    described = blob(json.dumps({"os": "linux", "architecture": "amd64", "config": {"Env": ["A=1"]}} | dict(config or {})).encode())
    manifest = blob(json.dumps({"schemaVersion": 2, "config": described, "layers": [blob(layer) for layer in layers]}).encode())
    index = json.dumps({"schemaVersion": 2, "manifests": [manifest] * images}).encode()
    path.write_bytes(tar([file(name, content) for name, content in {"index.json": index, **blobs}.items()]))
    return path


class FakeEngine:
    """Builds the same image of everything."""

    name = "fake"

    def __init__(self) -> None:
        self.local: set[str] = set()
        self.builds: list[tuple[str, str | None]] = []
        self.seen: dict[str, str] = {}

    def has(self, reference: str) -> bool:
        return reference in self.local

    def build(self, context: Path, dockerfile: Path, tag: str, base: str | None, log: Path) -> None:
        self.local.add(tag)
        self.builds.append((tag, base))
        self.seen = {path.relative_to(context).as_posix(): path.read_text() for path in context.rglob("*") if path.is_file()}
        self.seen["dockerfile"] = dockerfile.read_text()

    def save(self, tag: str, archive: Path, log: Path) -> None:
        oci(archive, [tar([file("var/lib/dpkg/status", STATUS), file("bin/su", b"", 0o4755)])])
