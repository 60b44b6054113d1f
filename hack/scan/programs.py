"""The judges that are Go programs: built once from pinned modules, kept in a cache of the user's.

A program's folder in the cache is named by the digest of its pins and sources, so
that a binary in it is right by its place alone; it is built beside and renamed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGES = {"podsecurity": ".", "kube-score": "github.com/zegl/kube-score/cmd/kube-score"}


class ScanError(Exception):
    """A judge that cannot be asked."""


def program(name: str) -> Path:
    """Return the path of a judge, built if it is not there.

    Raises:
        ScanError: there is no Go toolchain, or it fails.
    """
    binary = place(HERE / name) / name
    if not binary.exists():
        _build(name, binary)
    return binary


def place(module: Path) -> Path:
    """Return the cache folder of a module's present pins and sources."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    whole = hashlib.sha256()
    for path in sorted(module.iterdir()):
        content = path.read_bytes()
        whole.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return home / "fumehood" / "scan" / whole.hexdigest()[:16]


def _build(name: str, binary: Path) -> None:
    if shutil.which("go") is None:
        raise ScanError("there is no Go toolchain (`go`) on PATH; install Go 1.26 or newer")
    print(f"== scan: building {name}", flush=True)
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as draft:
        done = subprocess.run(
            ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", f"{draft}/{name}", PACKAGES[name]],
            cwd=HERE / name,
            env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "", "GOWORK": "off"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise ScanError(f"{name} does not build:\n{done.stderr[-2000:]}")
        os.replace(f"{draft}/{name}", binary)
