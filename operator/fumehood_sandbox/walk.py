"""Finds what the program left in /outputs, without following anything.

Every folder is opened from its parent's descriptor with O_NOFOLLOW, and only
regular files become candidates; what else is there is named with a reason. The
walk is iterative and bounded in depth and entries, and its order is that of the
names, so that the same tree gives the same answer. Files that nobody declared are
counted and left at once: a result is found among as many as a job may make.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from .border.bounds import MAX_NAME, MAX_REJECTIONS
from .border.manifest import Rejected, Rejection

MAX_ENTRIES = 20_000  # that are looked at
MAX_NAMES = 400_000  # that are read: more than the files that a job may be granted
MAX_DEPTH = 32
_MAX_PATH = 1024
_MOST_REJECTED = 10 * MAX_REJECTIONS  # in memory
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
    """Everything that was seen, in the order of names. Of what is no artifact, all is counted and the first are kept."""

    files: list[Found] = field(default_factory=list)
    rejections: int = 0
    whole: bool = True  # nothing was refused but what nobody declared
    _rejected: list[Rejected] = field(default_factory=list)

    def reject(self, name: str, reason: Rejection, escape: bool = False) -> None:
        """Note an entry that is no artifact."""
        self.rejections += 1
        self.whole = self.whole and reason is Rejection.NOT_DECLARED
        self._rejected.append(Rejected(shown(name), reason, escape))
        if len(self._rejected) > _MOST_REJECTED:
            self._rejected = list(self.rejected)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """The first rejections, attempts to escape before all others."""
        ordered = sorted(self._rejected, key=lambda entry: (not entry.escape, entry.name, entry.reason))
        return tuple(ordered[:MAX_REJECTIONS])


class Changed(Exception):
    """A file is not what it was when it was seen."""


def walk(root: int, path: str, wanted: Callable[[str], bool]) -> Tree:
    """Return what is below the open folder `root`, which programs know as `path`; of regular files, those that are `wanted`."""
    tree = Tree()
    context = _Context(os.fstat(root).st_dev, path, wanted, MAX_ENTRIES, MAX_NAMES)
    pending = [(os.dup(root), "", list[str]())]
    try:
        pending[0][2].extend(_names(root, "", tree, context))
        while pending:
            folder, prefix, names = pending[-1]
            if not names:
                os.close(pending.pop()[0])
                continue
            name = prefix + names.pop()
            inner = _look(folder, name, tree, context, len(pending))
            if inner is not None:
                pending.append((inner, f"{name}/", []))
                pending[-1][2].extend(_names(inner, f"{name}/", tree, context))
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


@dataclass
class _Context:
    device: int
    path: str
    wanted: Callable[[str], bool]
    entries: int  # that may still be looked at
    names: int  # that may still be read
    linked: set[tuple[int, int]] = field(default_factory=set)


def _names(folder: int, prefix: str, tree: Tree, context: _Context) -> list[str]:
    """The names in a folder that are to be looked at, last first."""
    names: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if context.names == 0 or context.entries == 0:
                tree.reject(prefix, Rejection.COUNT)
                break
            context.names -= 1
            if _is_undeclared(entry, prefix, context):
                tree.reject(prefix + entry.name, Rejection.NOT_DECLARED)
            else:
                context.entries -= 1
                names.append(entry.name)
    return sorted(names, reverse=True)


def _is_undeclared(entry: os.DirEntry[str], prefix: str, context: _Context) -> bool:
    name = prefix + entry.name
    try:
        is_file = entry.is_file(follow_symlinks=False)
    except OSError:
        return False  # looking at it will say why
    return is_file and _is_safe(name, entry.name) and not context.wanted(name)


def _look(folder: int, name: str, tree: Tree, context: _Context, depth: int) -> int | None:
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
            if depth < MAX_DEPTH:
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
