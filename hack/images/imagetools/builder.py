"""Build what changed: inputs -> hash -> archive named by the hash."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

from . import archives, base, context, wheels
from .catalogue import Image
from .engines import Buildah, Docker
from .process import EPOCH, say, step


@dataclass(frozen=True)
class Built:
    """An image as an archive."""

    image: Image
    archive: Path


def cache_folder() -> Path:
    """Where everything is that can be made again."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "fumehood" / "images"


class Builder:
    """Builds images of one checkout with one engine on one base."""

    def __init__(self, root: Path, cache: Path, engine: Docker | Buildah, *, fresh_base: bool = False) -> None:
        self._root, self._cache, self._engine = root, cache, engine
        self._base, self._base_identity = base.ensure(engine, cache, fresh=fresh_base)

    def build(self, image: Image) -> Built:
        """The image's archive, made unless its inputs are unchanged."""
        sources = [*image.sources, *([image.lock] if image.lock else [])]
        files = context.collect(self._root, sources)
        archive = self._cache / f"{image.name}-{context.digest(files, self._facts(image))}.tar"
        if archive.exists():
            say(f"{image.name}: unchanged")
            os.utime(archive)
            return Built(image, archive)
        began = time.monotonic()
        self._make(image, files, archive)
        archives.prune(self._cache, image.name, archive)
        size = archive.stat().st_size / 1e6
        say(f"{image.name}: built in {time.monotonic() - began:.1f} s, {size:.0f} MB")
        return Built(image, archive)

    def _facts(self, image: Image) -> dict[str, str]:
        machine = platform.machine()
        return {"tag": image.tag, "base": self._base_identity, "engine": self._engine.name, "epoch": str(EPOCH), "machine": machine}

    def _make(self, image: Image, files: dict[str, Path], archive: Path) -> None:
        folder = self._cache / "context" / image.name
        log = self._cache / "logs" / f"{image.name}.log"
        context.stage(files, folder)
        if image.lock:
            context.link(wheels.fetch(self._root / image.lock, self._cache), folder / "build" / "wheels")
        if image.project:
            with step(f"{image.name}: the project's wheel"):
                wheels.build_project(folder, folder / "build" / "project", self._cache)
        with step(f"{image.name}: {self._engine.name} build (log: {log})"):
            self._engine.build(folder, image.dockerfile, image.tag, {"BASE": self._base}, log)
        with step(f"{image.name}: writing the archive"):
            partial = archive.with_suffix(".partial")
            self._engine.save(image.tag, partial, log)
            partial.replace(archive)
