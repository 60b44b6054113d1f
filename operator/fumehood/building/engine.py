"""The programs that build images: Docker where an engine answers, buildah otherwise.

Nothing is taken from earlier builds: buildah's cache does not see that a mounted stage changed, and both
would keep what a package archive offered long ago.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..errors import BuildError
from .archive import EPOCH

_TAIL = 25  # lines of a log that say why


class Engine(Protocol):
    """Builds a context and writes the image as an OCI archive."""

    name: str

    def has(self, reference: str) -> bool:
        """Return whether there is a local image of that name."""

    def build(self, context: Path, dockerfile: Path, tag: str, base: str | None, log: Path) -> None:
        """Build from nothing; `base` becomes the argument BASE."""

    def save(self, tag: str, archive: Path, log: Path) -> None:
        """Write an OCI archive."""


class Docker:
    """A Docker engine with BuildKit, 25 or later: those write OCI archives."""

    name = "docker"

    def has(self, reference: str) -> bool:
        """See `Engine`."""
        return _answers(["docker", "image", "inspect", reference])

    def build(self, context: Path, dockerfile: Path, tag: str, base: str | None, log: Path) -> None:
        """See `Engine`."""
        command = ["docker", "build", "--no-cache", "--progress=plain", "--provenance=false", f"--file={dockerfile}", f"--tag={tag}"]
        command += [f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}", *([f"--build-arg=BASE={base}"] if base else [])]
        run([*command, str(context)], log, {"DOCKER_BUILDKIT": "1"})

    def save(self, tag: str, archive: Path, log: Path) -> None:
        """See `Engine`."""
        run(["docker", "save", "--output", str(archive), tag], log)


class Buildah:
    """buildah, with a storage of its own below `home`; it needs no daemon, and works inside containers."""

    name = "buildah"

    def __init__(self, home: Path) -> None:
        driver = "overlay" if _answers([*_buildah(home, "overlay"), "info"]) else "vfs"
        self._buildah = _buildah(home, driver)

    def has(self, reference: str) -> bool:
        """See `Engine`."""
        return _answers([*self._buildah, "inspect", "--type", "image", reference])

    def build(self, context: Path, dockerfile: Path, tag: str, base: str | None, log: Path) -> None:
        """See `Engine`."""
        command = [*self._buildah, "build", "--isolation=chroot", "--layers=false", f"--timestamp={EPOCH}", f"--tag={tag}"]
        command += [f"--file={dockerfile}", *([f"--build-arg=BASE={base}"] if base else [])]
        run([*command, str(context)], log)

    def save(self, tag: str, archive: Path, log: Path) -> None:
        """See `Engine`."""
        archive.unlink(missing_ok=True)
        run([*self._buildah, "push", "--quiet", "--disable-compression", tag, f"oci-archive:{archive}:{tag}"], log)


def choose(home: Path, wish: str | None) -> Engine:
    """Return the engine of this machine, or the one that is wished for.

    Raises:
        BuildError: there is none.
    """
    if wish == "docker" or (wish is None and _answers(["docker", "info"])):
        return Docker()
    if shutil.which("buildah"):
        return Buildah(home / "buildah")
    raise BuildError("no program that builds images: install buildah, or start a Docker engine (25 or later)")


def run(command: Sequence[str], log: Path, extra: Mapping[str, str] | None = None) -> None:
    """Run a long command with its output in `log`.

    Raises:
        BuildError: it failed; the message has the log's end.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH), **(extra or {})}
    try:
        with log.open("wb") as file:
            done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment)
    except FileNotFoundError:
        raise BuildError(f"{command[0]} is not installed") from None
    if done.returncode:
        tail = log.read_text(errors="replace").splitlines()[-_TAIL:]
        raise BuildError("\n".join([f"{command[0]} failed with {done.returncode} (all in {log}):", *tail]))


def _buildah(home: Path, driver: str) -> list[str]:
    return ["buildah", "--storage-driver", driver, "--root", str(home / driver), "--runroot", str(home / f"{driver}-run")]


def _answers(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
