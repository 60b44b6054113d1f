"""Adds up what is in some folders, without following anything.

The walk yields after a bounded piece of work, so that a program which makes a
million files cannot stop the supervisor's clocks. It holds one descriptor for
each level that it has gone down.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import descriptors

_BATCH = 256
_SPARE = 128  # descriptors that are not for the walk
_BLOCK = 512  # the unit of st_blocks, whatever the file system
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass
class Tally:
    """A sum: bytes on disk, entries of folders, and the size of the largest file."""

    bytes: int = 0
    files: int = 0
    largest: int = 0

    def add(self, found: os.stat_result) -> None:
        """Count one file or folder. A file of holes has a size, and no bytes."""
        self.bytes += found.st_blocks * _BLOCK
        if stat.S_ISREG(found.st_mode):
            self.largest = max(self.largest, found.st_size)


def walk(roots: Sequence[str], processes: Callable[[], Sequence[int]], tally: Tally) -> Iterator[None]:
    """Add all that is below `roots`, and what `processes` hold open and have no name for, to `tally`, piece by piece."""
    seen: set[int] = set()  # of several names or holders, the first counts
    devices = set()
    deepest = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE
    for root in roots:
        folder = _enter(root, None)
        if folder is not None:
            devices.add(os.fstat(folder).st_dev)
            yield from _tree(folder, deepest, seen, tally)
    for pid in processes():
        for found in descriptors.unnamed(pid, devices):
            if _is_first(found, seen):
                tally.add(found)
                tally.files += 1
        yield


def _tree(root: int, deepest: int, seen: set[int], tally: Tally) -> Iterator[None]:
    folder: int | None = root
    pending: list[tuple[int, list[str]]] = []  # an open folder, and its subfolders that are still to be read
    try:
        while folder is not None or pending:
            if folder is not None:
                names: list[str] = []
                pending.append((folder, names))
                folder = None
                yield from _entries(pending[-1][0], names, seen, tally)
            parent, names = pending[-1]
            if names and len(pending) < deepest:
                folder = _enter(names.pop(), parent)
            else:
                pending.pop()
                os.close(parent)
    finally:
        for descriptor, _ in pending:
            os.close(descriptor)


def _entries(folder: int, folders: list[str], seen: set[int], tally: Tally) -> Iterator[None]:
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                _add(entry, folders, seen, tally)
                if count % _BATCH == _BATCH - 1:
                    yield
    except OSError:
        pass  # it was removed while being read
    yield


def _add(entry: os.DirEntry[str], folders: list[str], seen: set[int], tally: Tally) -> None:
    tally.files += 1
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return
    if stat.S_ISDIR(found.st_mode):
        folders.append(entry.name)
    elif found.st_nlink > 1 and not _is_first(found, seen):
        return
    tally.add(found)


def _is_first(found: os.stat_result, seen: set[int]) -> bool:
    key = found.st_dev << 64 | found.st_ino
    if key in seen:
        return False
    seen.add(key)
    return True


def _enter(name: str, parent: int | None) -> int | None:
    try:
        return os.open(name, _OPEN, dir_fd=parent)
    except PermissionError:
        pass
    except OSError:
        return None
    # A locked folder of our own UID must not hide what is in it. Whatever the
    # name leads to now, the program itself could have done the same to it.
    try:
        os.chmod(name, 0o700, dir_fd=parent)
        return os.open(name, _OPEN, dir_fd=parent)
    except OSError:
        return None
