"""Finds what the program left in /outputs, without following anything.

Every folder is opened from its parent's descriptor with O_NOFOLLOW, and only
regular files become candidates; what else is there is named with a reason. The
walk is iterative and bounded in depth and entries, and its order is that of the
names, so that the same tree gives the same answer.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from dataclasses import dataclass, field

from .border.bounds import MAX_NAME
from .border.manifest import Rejected, Rejection

MAX_ENTRIES = 20_000
MAX_DEPTH = 32
_MAX_PATH = 1024
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
# Control characters, line separators, and what turns the direction of writing.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
# What Windows takes for a folder or a drive: harmless here, a way out where it is downloaded to.
_ELSEWHERE = re.compile(r"[^/]*\\|[A-Za-z]:")


@dataclass(frozen=True)
class Found:
    """A regular file: its name below the root, and what it was when it was seen."""

    name: str
    size: int
    identity: tuple[int, int, int]  # device, inode, time of change in ns


@dataclass
class Tree:
    """Everything that was seen, in the order of names."""

    files: list[Found] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def reject(self, name: str, reason: Rejection, escape: bool = False) -> None:
        """Note an entry that is no artifact."""
        self.rejected.append(Rejected(shown(name), reason, escape))


class Changed(Exception):
    """A file is not what it was when it was seen."""


def walk(root: int, path: str) -> Tree:
    """Return what is below the open folder `root`, which programs know as `path`."""
    tree = Tree()
    device = os.fstat(root).st_dev
    linked: set[tuple[int, int]] = set()
    left = MAX_ENTRIES
    pending = [(os.dup(root), "", list[str]())]
    try:
        names, left = _names(pending[0][0], "", left, tree)
        pending[0] = (pending[0][0], "", names)
        while pending:
            folder, prefix, names = pending[-1]
            if not names:
                os.close(pending.pop()[0])
                continue
            name = prefix + names.pop()
            inner = _look(folder, name, tree, _Context(device, path, linked, len(pending)))
            if inner is not None:
                names, left = _names(inner, f"{name}/", left, tree)
                pending.append((inner, f"{name}/", names))
    finally:
        for folder, _, _ in pending:
            os.close(folder)
    tree.files.sort(key=lambda found: found.name)
    return tree


def open_file(root: int, found: Found) -> int:
    """Open a file that was seen, again without following anything.

    Raises:
        Changed: it is another one now.
        OSError: it cannot be opened.
    """
    *folders, last = found.name.split("/")
    at = os.dup(root)
    try:
        for name in folders:
            inner = os.open(name, _FOLDER, dir_fd=at)
            os.close(at)
            at = inner
        descriptor = os.open(last, _FILE, dir_fd=at)
    finally:
        os.close(at)
    if not unchanged(descriptor, found):
        os.close(descriptor)
        raise Changed
    return descriptor


def unchanged(descriptor: int, found: Found) -> bool:
    """Whether an open file is still what was seen."""
    now = os.fstat(descriptor)
    return stat.S_ISREG(now.st_mode) and (now.st_size, _identity(now)) == (found.size, found.identity)


def shown(name: str) -> str:
    """Any name as short, harmless text."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace")
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)[:MAX_NAME]


@dataclass(frozen=True)
class _Context:
    device: int
    path: str
    linked: set[tuple[int, int]]
    depth: int


def _names(folder: int, prefix: str, left: int, tree: Tree) -> tuple[list[str], int]:
    """The names in a folder, last first, and how many entries may still be looked at."""
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if len(names) == left:
                tree.reject(prefix, Rejection.COUNT)
                break
            names.append(entry.name)
    return sorted(names, reverse=True), left - len(names)


def _look(folder: int, name: str, tree: Tree, context: _Context) -> int | None:
    """Judge one entry; return an open folder if it is to be walked."""
    last = name.rpartition("/")[2]
    if not _is_safe(name, last):
        tree.reject(name, Rejection.NAME)
        return None
    try:
        seen = os.stat(last, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISLNK(seen.st_mode):
            tree.reject(name, Rejection.SYMLINK, _escapes(os.readlink(last, dir_fd=folder), name, context.path))
        elif seen.st_dev != context.device:
            tree.reject(name, Rejection.SPECIAL, escape=True)
        elif stat.S_ISDIR(seen.st_mode):
            if context.depth < MAX_DEPTH:
                return os.open(last, _FOLDER, dir_fd=folder)
            tree.reject(name, Rejection.DEPTH)
        elif stat.S_ISREG(seen.st_mode):
            _take(seen, name, tree, context)
        else:
            tree.reject(name, Rejection.SPECIAL, escape=stat.S_ISBLK(seen.st_mode) or stat.S_ISCHR(seen.st_mode))
    except OSError:
        tree.reject(name, Rejection.UNREADABLE)
    return None


def _take(seen: os.stat_result, name: str, tree: Tree, context: _Context) -> None:
    inode = (seen.st_dev, seen.st_ino)
    if seen.st_nlink > 1 and inode in context.linked:
        tree.reject(name, Rejection.HARD_LINK)
        return
    context.linked.add(inode)
    tree.files.append(Found(name, seen.st_size, _identity(seen)))


def _identity(seen: os.stat_result) -> tuple[int, int, int]:
    return seen.st_dev, seen.st_ino, seen.st_ctime_ns  # which no program can set


def _is_safe(name: str, last: str) -> bool:
    try:
        raw = os.fsencode(name).decode("utf-8").encode()
    except UnicodeDecodeError:
        return False
    return len(raw) <= _MAX_PATH and len(last.encode()) <= MAX_NAME and not _UNSAFE.search(last) and not _ELSEWHERE.match(last)


def _escapes(goal: str, name: str, path: str) -> bool:
    """Whether a link points out of the tree, judged by its text: the file system is not asked."""
    here = posixpath.join(path, posixpath.dirname(name))
    end = posixpath.normpath(posixpath.join(here, goal))
    return end != path and not end.startswith(path.rstrip("/") + "/")
