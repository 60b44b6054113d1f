"""An image is built again if and only if something that its build sees has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from imagetools import context

FACTS = {"base": "b", "tag": "t"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "src/package").mkdir(parents=True)
    (tmp_path / "src/package/a.py").write_text("a = 1\n")
    (tmp_path / "src/package/b.py").write_text("b = 1\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    return tmp_path


def fingerprint(tree: Path) -> str:
    return context.digest(context.collect(tree, ("Dockerfile", "src")), FACTS)


def cached(folder: Path) -> None:
    folder.mkdir()
    (folder / "x.py").write_text("")


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda tree: (tree / "src/package/a.py").write_text("a = 2\n"),
    "new file": lambda tree: (tree / "src/package/c.py").write_text(""),
    "removed": lambda tree: (tree / "src/package/b.py").unlink(),
    "renamed": lambda tree: (tree / "src/package/b.py").rename(tree / "src/package/z.py"),
    "swapped": lambda tree: [(tree / f"src/package/{a}.py").write_text(f"{b} = 1\n") for a, b in ("ab", "ba")],
    "mode": lambda tree: (tree / "src/package/a.py").chmod(0o755),
}
NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "time": lambda tree: os.utime(tree / "src/package/a.py", (1, 1)),
    "elsewhere": lambda tree: (tree / "README.md").write_text("x"),
    "compiled": lambda tree: (tree / "src/package/a.pyc").write_bytes(b"x"),
    "cache": lambda tree: cached(tree / "src/__pycache__"),
    "unreadable by others": lambda tree: (tree / "src/package/a.py").chmod(0o600),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_the_hash(tree: Path, change: str) -> None:
    before = fingerprint(tree)
    CHANGES[change](tree)
    assert fingerprint(tree) != before


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_the_build_does_not_see_does_not(tree: Path, change: str) -> None:
    before = fingerprint(tree)
    NO_CHANGES[change](tree)
    assert fingerprint(tree) == before


def test_another_base_is_another_image(tree: Path) -> None:
    files = context.collect(tree, ("src",))
    assert context.digest(files, FACTS) != context.digest(files, {**FACTS, "base": "c"})


def test_the_context_holds_what_was_hashed_and_nothing_of_before(tree: Path, tmp_path: Path) -> None:
    files = context.collect(tree, ("Dockerfile", "src"))
    target = tmp_path / "context"
    (target / "src").mkdir(parents=True)
    (target / "src/stale.py").write_text("")
    context.stage(files, target)
    staged = context.collect(target, (".",))
    assert list(staged) == list(files)
    assert context.digest(staged, FACTS) == context.digest(files, FACTS)
