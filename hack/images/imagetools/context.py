"""The build context: a copy of exactly the declared sources, and the hash of it.

A build sees nothing that the hash does not cover, because it sees only this copy.
Paths in it are those of the repository, so the Dockerfiles also build from there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "compiled"}  # filters compiled in the checkout, too


def collect(root: Path, sources: Iterable[str]) -> dict[str, Path]:
    """Path in the context -> file, sorted; a source that does not exist is left out."""
    files: dict[str, Path] = {}
    for source in sources:
        start = root / source
        found = [start] if start.is_file() else start.rglob("*")
        files |= {file.relative_to(root).as_posix(): file for file in found if file.is_file() and not _ignored(file)}
    return dict(sorted(files.items()))


def _ignored(file: Path) -> bool:
    return file.suffix == ".pyc" or not IGNORED.isdisjoint(file.parts)


def digest(files: Mapping[str, Path], facts: Mapping[str, str]) -> str:
    """Sixteen hex digits of the files' paths, modes and contents and of other facts of the build."""
    state = hashlib.sha256()
    for name, value in sorted(facts.items()):
        state.update(f"{name}={value}\0".encode())
    for name, file in sorted(files.items()):
        executable = os.access(file, os.X_OK) and bool(file.stat().st_mode & 0o111)
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        state.update(f"{name} {executable} {content}\0".encode())
    return state.hexdigest()[:16]


def stage(files: Mapping[str, Path], target: Path) -> None:
    """Copy the files to a fresh context; modes are normalised, time stamps are the build's affair."""
    shutil.rmtree(target, ignore_errors=True)
    for name, file in files.items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
        copy.chmod(0o755 if os.access(file, os.X_OK) and file.stat().st_mode & 0o111 else 0o644)


def link(folder: Path, target: Path) -> None:
    """Put a folder of large files into a context, without copying where the file system allows."""
    target.mkdir(parents=True, exist_ok=True)
    for file in sorted(folder.iterdir()):
        try:
            os.link(file, target / file.name)
        except OSError:
            shutil.copyfile(file, target / file.name)
