"""The two programs that build images: Docker where an engine answers, buildah otherwise.

buildah needs no daemon and no registry; its images are kept apart from the user's,
and it builds without namespaces of its own (`chroot`), so it works inside containers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from . import archives
from .process import EPOCH, output, run

DEBIAN = "debian:trixie-slim"


class Engine(Protocol):
    """Builds a context and writes the image as an archive."""

    name: str

    def identity(self, reference: str) -> str | None:
        """Id of a local image; None if there is none."""

    def build(self, context: Path, dockerfile: str, tag: str, arguments: Mapping[str, str], log: Path) -> None:
        """Build `dockerfile`, a path inside of the context."""

    def save(self, tag: str, archive: Path, log: Path) -> None:
        """Write an archive that declares the tag."""


class Docker:
    """A Docker engine with BuildKit."""

    name = "docker"

    def identity(self, reference: str) -> str | None:
        """See `Engine`."""
        found = output(["docker", "image", "inspect", "--format", "{{.Id}}", reference])
        return found and found.strip()

    def pull(self, reference: str, log: Path) -> None:
        """Fetch a base image."""
        run(["docker", "pull", reference], log)

    def build(self, context: Path, dockerfile: str, tag: str, arguments: Mapping[str, str], log: Path) -> None:
        """See `Engine`."""
        command = ["docker", "build", "--progress", "plain", "--provenance=false", "-f", str(context / dockerfile), "-t", tag]
        command += [f"--build-arg={name}={value}" for name, value in {**arguments, "SOURCE_DATE_EPOCH": EPOCH}.items()]
        run([*command, str(context)], log, {"DOCKER_BUILDKIT": "1"})

    def save(self, tag: str, archive: Path, log: Path) -> None:
        """See `Engine`."""
        run(["docker", "save", "-o", str(archive), tag], log)


class Buildah:
    """buildah with a storage of its own below `home`."""

    name = "buildah"

    def __init__(self, home: Path) -> None:
        self._home = home
        overlay = output([*self._command("overlay"), "info"]) is not None
        self._buildah = self._command("overlay" if overlay else "vfs")

    def _command(self, driver: str) -> list[str]:
        root, state = self._home / driver, self._home / f"{driver}-run"
        return ["buildah", "--storage-driver", driver, "--root", str(root), "--runroot", str(state)]

    def identity(self, reference: str) -> str | None:
        """See `Engine`."""
        found = output([*self._buildah, "inspect", "--type", "image", "--format", "{{.FromImageID}}", reference])
        return found and found.strip()

    def build(self, context: Path, dockerfile: str, tag: str, arguments: Mapping[str, str], log: Path) -> None:
        """See `Engine`."""
        command = [*self._buildah, "bud", "--isolation", "chroot", "--layers", "--pull-never", f"--timestamp={EPOCH}", "-t", tag]
        command += [f"--build-arg={name}={value}" for name, value in arguments.items()]
        run([*command, "-f", str(context / dockerfile), str(context)], log)

    def save(self, tag: str, archive: Path, log: Path) -> None:
        """See `Engine`."""
        layout = self._home / "layout"
        run([*self._buildah, "push", "--quiet", tag, f"oci:{layout}:{tag}"], log)
        archives.sweep(layout)
        archives.pack(layout, tag, archive)


def choose(cache: Path) -> Docker | Buildah:
    """The engine of this machine; FUMEHOOD_IMAGE_ENGINE=docker|buildah overrides."""
    wish = os.environ.get("FUMEHOOD_IMAGE_ENGINE", "")
    if wish == "docker" or (not wish and output(["docker", "info"]) is not None):
        return Docker()
    return Buildah(cache / "buildah")
