"""From a folder to an image and its resource, step by step."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..api.v1alpha1 import PackageVersion
from ..core import packages, recipe
from ..core.recipe import Base, Recipe
from ..errors import BuildError
from . import archive, wheels
from .engine import Engine

_BASE_FILE = "Dockerfile.base"


@dataclass(frozen=True)
class Request:
    """What to build: paths are as the user gave them.

    `context`: the folder that a Dockerfile of one's own copies from, which `folder` is or lies below;
    `base`: instead of the recipe's; `tag`: of the image, without its name.
    """

    folder: Path
    output: Path
    repository: str
    tag: str = ""
    context: Path | None = None
    base: str | None = None


@dataclass(frozen=True)
class Built:
    """An image and what it holds; `resource` is the AnalysisEnvironment."""

    digest: str
    packages: tuple[PackageVersion, ...]
    neutralised: tuple[str, ...]
    dropped: tuple[str, ...]
    resource: dict[str, Any]


class Builder:
    """Builds environments with one engine; what can be made again is below `cache`."""

    def __init__(self, engine: Engine, cache: Path, tell: Callable[[str], None]) -> None:
        self._engine, self._cache, self._tell = engine, cache, tell

    def build(self, request: Request) -> Built:
        """Write `request.output` and return what is in it.

        Raises:
            BuildError: the folder is not as it must be, or the build fails.
        """
        given = read(request.folder)
        repository = request.repository or f"localhost/fumehood/{given.name}"
        reference = f"{repository}:{request.tag or given.env_version}"
        request.output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="fumehood-env-", dir=self._scratch()) as scratch:
            base = self._base(request, given, Path(scratch))
            context, dockerfile = self._stage(request, given, Path(scratch) / "context")
            with self._step(f"{self._engine.name} builds {reference}"):
                log = self._log(given)
                self._engine.build(context, dockerfile, reference, base, log)
                raw = Path(scratch) / "image.tar"
                self._engine.save(reference, raw, log)
            with self._step("reading and writing the image"):
                image = archive.normalise(raw, request.output, reference)
        found = packages.found(image.content.lists)
        neutralised, dropped = tuple(sorted(image.content.neutralised)), tuple(sorted(image.content.dropped))
        return Built(image.digest, found, neutralised, dropped, recipe.resource(given, f"{repository}@{image.digest}", found))

    def _base(self, request: Request, given: Recipe, scratch: Path) -> str | None:
        """Return the reference of the base image; None for a Dockerfile that names its own."""
        base = _named(request.base) if request.base else given.base
        if base is None:
            if (request.folder / "Dockerfile").exists():
                return None
            raise BuildError(f"{recipe.FILE}: base: give one (image: NAME@sha256:DIGEST, or rootfs: FILE.tar and digest), or --base")
        if base.image is not None:
            return base.image
        assert base.rootfs is not None
        return self._imported(request.folder / base.rootfs, base.digest, scratch)

    def _imported(self, rootfs: Path, digest: str | None, scratch: Path) -> str:
        if not rootfs.is_file():
            raise BuildError(f"base: there is no file {rootfs}")
        with rootfs.open("rb") as file:
            actual = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
        if digest is not None and actual != digest:
            raise BuildError(f"base: {rootfs} has the digest {actual}, and {recipe.FILE} wants {digest}")
        reference = f"localhost/fumehood/rootfs:{actual[7:19]}"
        if not self._engine.has(reference):
            with self._step(f"importing {rootfs.name}"):
                folder = scratch / "rootfs"
                folder.mkdir()
                _link(rootfs, folder / "rootfs.tar")
                (folder / _BASE_FILE).write_text("FROM scratch\nADD rootfs.tar /\n")
                self._engine.build(folder, folder / _BASE_FILE, reference, None, self._cache / "logs" / "rootfs.log")
        return reference

    def _stage(self, request: Request, given: Recipe, context: Path) -> tuple[Path, Path]:
        """Copy what the build may see; return the context and the Dockerfile."""
        root = (request.context or request.folder).resolve()
        folder = request.folder.resolve()
        if not folder.is_relative_to(root):
            raise BuildError(f"--context: {folder} does not lie below {root}")
        staged = context / folder.relative_to(root)
        ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".git", *_rootfs(given))
        shutil.copytree(folder, staged, symlinks=True, ignore=ignored)
        _settle(context)
        if given.lock is not None:
            with self._step(f"fetching the packages of {given.lock}"):
                (context / recipe.WHEELS).mkdir(parents=True, exist_ok=True)
                if not (folder / given.lock).is_file():
                    raise BuildError(f"{recipe.FILE}: lock: there is no file {given.lock} in {folder}")
                wheels.fetch(folder / given.lock, given.python, context / recipe.WHEELS, self._log(given, "-wheels"))
        dockerfile = staged / "Dockerfile"
        if not dockerfile.exists():
            dockerfile.write_text(recipe.dockerfile(given))
        elif given.apt:
            raise BuildError(f"{recipe.FILE}: apt: {folder} has a Dockerfile, which is used as it is; install them there")
        return context, dockerfile

    def _scratch(self) -> Path:
        folder = self._cache / "scratch"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _log(self, given: Recipe, what: str = "") -> Path:
        return self._cache / "logs" / f"{given.name}{what}.log"

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        began = time.monotonic()
        self._tell(f"{what} …")
        yield
        self._tell(f"{what}: {time.monotonic() - began:.1f} s")


def read(folder: Path) -> Recipe:
    """Return the recipe of a folder.

    Raises:
        BuildError: it has none, or one that is wrong.
    """
    try:
        return recipe.read((folder / recipe.FILE).read_text())
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"{folder / recipe.FILE} cannot be read: {error}") from None


def write_resource(resource: dict[str, Any], path: Path) -> None:
    """Write an AnalysisEnvironment as YAML."""
    path.write_text(yaml.safe_dump(resource, sort_keys=False, width=120, allow_unicode=True))


def cache_folder() -> Path:
    """Return where everything is that can be made again."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "fumehood" / "environments"


def _named(base: str) -> Base:
    """Return the base of --base: an image by digest, or else a file."""
    if "@" in base:
        return recipe.base(base)
    return Base.model_construct(image=None, rootfs=str(Path(base).resolve()), digest=None)


def _rootfs(given: Recipe) -> tuple[str, ...]:
    """A base is no part of the context: it may be large, and is imported once."""
    return (Path(given.base.rootfs).name,) if given.base and given.base.rootfs else ()


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _settle(context: Path) -> None:
    """Modes as every checkout should have them; time stamps are the build's affair."""
    for path in context.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
