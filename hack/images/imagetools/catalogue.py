"""Which images there are, and what each is built from.

Environments are found, not listed: every folder of images/ with an
``environment.yaml`` is one. That file is JSON (which is YAML), so that it needs no
parser beyond the standard library's.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREFIX = "localhost/fumehood"
DESCRIPTION = "environment.yaml"
TESTS = "tests/images"  # odd ones, for tests to run jobs in
TEST = "test-"


class ImagesError(Exception):
    """A failure that the user can act on."""


@dataclass(frozen=True)
class Image:
    """One image: its sources are paths relative to the repository, files or folders."""

    name: str
    version: str
    sources: tuple[str, ...]
    lock: str | None = None
    project: bool = False
    environment: bool = False
    test: bool = False

    @property
    def tag(self) -> str:
        """NAME:TAG; the name is of no registry."""
        return f"{PREFIX}/{self.name}:{self.version}"

    @property
    def dockerfile(self) -> str:
        """Relative to the repository, as everything here."""
        return f"{TESTS}/{self.name.removeprefix(TEST)}/Dockerfile" if self.test else f"images/{self.name}/Dockerfile"


def catalogue(root: Path) -> dict[str, Image]:
    """All images of the repository, those that others need first."""
    version = project_version(root)
    sandbox = Image("sandbox", version, ("images/sandbox", "hack/images/payload.py", "operator/fumehood_sandbox"))
    operator_sources = ("images/operator", "pyproject.toml", "README.md", "LICENSE", "operator", "tests/hostile")
    operator = Image("operator", version, operator_sources, lock="requirements/operator.lock", project=True)
    images = [sandbox, operator, *(environment(root, path) for path in sorted(root.glob(f"images/*/{DESCRIPTION}")))]
    tests = sorted(path.parent.name for path in root.glob(f"{TESTS}/*/Dockerfile"))
    images += [Image(f"{TEST}{name}", version, (TESTS,), test=True) for name in tests]
    return {image.name: image for image in images}


def project_version(root: Path) -> str:
    """The version that the project's wheel will have."""
    text = (root / "operator/fumehood/__init__.py").read_text()
    found = re.search(r'^__version__ = "([^"]+)"', text, re.MULTILINE)
    if found is None:
        raise ImagesError("operator/fumehood/__init__.py has no __version__")
    return found[1]


def environment(root: Path, path: Path) -> Image:
    """The image of one environment."""
    description = describe(path)
    name = path.parent.name
    if description.get("name") != name:
        raise ImagesError(f"{path}: name must be that of its folder, {name}")
    lock = description.get("lock")
    folder = path.parent.relative_to(root).as_posix()
    return Image(name, description["envVersion"], (folder,), lock=lock and f"{folder}/{lock}", environment=True)


def describe(path: Path) -> dict[str, Any]:
    """The description of an environment.

    Raises:
        ImagesError: it is not JSON, or lacks what the resource needs.
    """
    try:
        description = json.loads(path.read_text())
    except ValueError as error:
        raise ImagesError(f"{path} is not JSON: {error}") from error
    missing = {"name", "description", "adapter", "envVersion"} - set(description)
    if missing:
        raise ImagesError(f"{path} lacks {', '.join(sorted(missing))}")
    return dict(description)


def locked_packages(lock: str) -> dict[str, str]:
    """Name -> version of each entry of a lock file's text (pure)."""
    return dict(re.findall(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;\\]+)", lock, re.MULTILINE))
