"""Measures how much the program has written to disk.

The walk is done in slices, so that a program that makes a million files cannot
stop the supervisor's clocks, and rests nine times as long as it works. It never
follows a link. Data in files that are deleted but open, and below more folders
than `_DEPTH` at once, are left to the volume's own limit.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Sequence

_SLICE = 0.02
_REST = 9
_INTERVAL = 0.25
_DEPTH = 200
_BATCH = 256
_BLOCK = 512  # the unit of st_blocks, whatever the file system
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class DiskMeter:
    """Bytes in use below some folders, by a walk that is carried on in small steps."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = roots
        self._walk: Iterator[int] | None = None
        self._sum = 0
        self.next = 0.0
        self.used = 0

    def step(self, now: float) -> None:
        """Walk on for a moment if it is time to; `used` is the last whole sum or the present part, if that is more."""
        if now < self.next:
            return
        self._advance(time.monotonic() + _SLICE)
        worked = time.monotonic() - now
        self.next = now + worked * (1 + _REST)
        if self._walk is None:
            self.next = now + max(_INTERVAL, worked * _REST)

    def measure(self, timeout: float) -> int:
        """Walk once from the start, for at most `timeout` seconds, and return the bytes found."""
        self._walk = None
        self._advance(time.monotonic() + timeout)
        return self.used

    def _advance(self, until: float) -> None:
        if self._walk is None:
            self._walk, self._sum = _blocks(self._roots), 0
        for size in self._walk:
            self._sum += size
            if time.monotonic() > until:
                self.used = max(self.used, self._sum)
                return
        self._walk, self.used = None, self._sum


def _blocks(roots: Sequence[str]) -> Iterator[int]:
    """Yield sizes in bytes, one for some files at a time, all folders below `roots`."""
    linked: set[tuple[int, int]] = set()
    for root in roots:
        yield from _tree(root, linked)


def _tree(root: str, linked: set[tuple[int, int]]) -> Iterator[int]:
    pending: list[tuple[int, list[str]]] = []  # an open folder, and its subfolders that are still to be read
    folder = _enter(root, None)
    try:
        while folder is not None or pending:
            if folder is not None:
                names: list[str] = []
                yield from _files(folder, names, linked)
                pending.append((folder, names))
            parent, names = pending[-1]
            folder = _enter(names.pop(), parent) if names and len(pending) < _DEPTH else None
            if not names or len(pending) >= _DEPTH:
                pending.pop()
                os.close(parent)
    finally:
        for descriptor, _ in pending:
            os.close(descriptor)


def _files(folder: int, folders: list[str], linked: set[tuple[int, int]]) -> Iterator[int]:
    total = 0
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                total += _size(entry, folders, linked)
                if count % _BATCH == _BATCH - 1:
                    yield total
                    total = 0
    except OSError:
        pass  # it was removed while being read
    yield total


def _size(entry: os.DirEntry[str], folders: list[str], linked: set[tuple[int, int]]) -> int:
    try:
        found = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    if stat.S_ISDIR(found.st_mode):
        folders.append(entry.name)
    elif found.st_nlink > 1:
        key = (found.st_dev, found.st_ino)
        if key in linked:
            return 0
        linked.add(key)
    return found.st_blocks * _BLOCK


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
