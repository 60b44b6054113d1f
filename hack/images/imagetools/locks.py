"""Resolve an environment's requirements anew: requirements.in -> lock file with hashes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .catalogue import Image, ImagesError, locked_packages
from .process import output, say
from .wheels import PYTHON

HEADER = "# Made from requirements.in by: python3 hack/images lock {name}\n"


def renew(root: Path, images: Iterable[Image]) -> None:
    """Rewrite the locks of environments. The envVersion is for people to raise: results are told apart by it."""
    for image in images:
        if not (image.environment and image.lock):
            continue
        lock = root / image.lock
        before = locked_packages(lock.read_text()) if lock.exists() else {}
        command = ["uv", "pip", "compile", "--upgrade", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links"]
        text = output([*command, "--no-header", "--quiet", "--python-version", PYTHON, str(lock.with_name("requirements.in"))])
        if text is None:
            raise ImagesError(f"uv cannot resolve {image.name}'s requirements, or is not installed")
        lock.write_text(HEADER.format(name=image.name) + text.replace(f"{lock.parent}/", ""))
        changed = locked_packages(text).items() ^ before.items()
        say(f"{image.name}: {'changed: raise its envVersion' if changed else 'unchanged'}")
