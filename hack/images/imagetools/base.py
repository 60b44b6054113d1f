"""The base image where no registry is: Debian as its own archive builds it.

mmdebstrap makes the same tar from the same state of the archive; it is kept until
`--fresh-base` asks for a newer one, so builds in between start from the same bytes.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from . import context
from .engines import DEBIAN, Buildah, Docker
from .process import run, step

SUITE = "trixie"
TAG = f"localhost/fumehood/base:{SUITE}"
# As in Debian's slim images: no manuals or translations, but the licences.
SLIM = ("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright", "path-exclude=/usr/share/man/*",
        "path-exclude=/usr/share/info/*", "path-exclude=/usr/share/locale/*")  # fmt: skip
DOCKERFILE = 'FROM scratch\nADD base.tar /\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nCMD ["bash"]\n'


def ensure(engine: Docker | Buildah, cache: Path, *, fresh: bool) -> tuple[str, str]:
    """Reference of the base image to build from, and what identifies its content."""
    log = cache / "logs" / "base.log"
    if isinstance(engine, Docker):
        if fresh or engine.identity(DEBIAN) is None:
            with step(f"pulling {DEBIAN}"):
                engine.pull(DEBIAN, log)
        return DEBIAN, engine.identity(DEBIAN) or ""
    tar = cache / "base" / f"{SUITE}-{hashlib.sha256(repr((SLIM, DOCKERFILE)).encode()).hexdigest()[:8]}.tar"
    known = tar.with_suffix(".id")
    if fresh or not known.exists():
        with step(f"base image: Debian {SUITE} by mmdebstrap"):
            _bootstrap(tar, log)
            known.write_text(_checksum(tar))
    identity = known.read_text()
    reference = f"{TAG}-{identity[:12]}"
    if engine.identity(reference) is None:
        with step("base image: import"):
            _import(engine, tar, reference, cache, log)
    return reference, identity


def _bootstrap(tar: Path, log: Path) -> None:
    tar.parent.mkdir(parents=True, exist_ok=True)
    partial = tar.with_suffix(".partial.tar")
    options = ["--variant=minbase", '--aptopt=APT::Install-Recommends "false"', *(f"--dpkgopt={option}" for option in SLIM)]
    run(["mmdebstrap", *options, SUITE, str(partial)], log)
    partial.replace(tar)


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _import(engine: Buildah, tar: Path, reference: str, cache: Path, log: Path) -> None:
    folder = cache / "context" / "base"
    shutil.rmtree(folder, ignore_errors=True)
    context.link(tar.parent, folder)
    (folder / tar.name).rename(folder / "base.tar")
    (folder / "Dockerfile").write_text(DOCKERFILE)
    engine.build(folder, "Dockerfile", reference, {}, log)
