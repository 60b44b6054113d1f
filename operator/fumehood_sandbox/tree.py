"""Adds up what is in some folders, and what is held open and in no folder, without following anything.

The walk yields after a bounded piece of work, so that a program which makes a
million files cannot stop the supervisor's clocks. It holds one descriptor for
each level that it has gone down.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from . import descriptors

_BATCH = 256
_SPARE = 128  # descriptors that are not for the walk
_INODE_BITS = 64
_BLOCK = 512  # the unit of st_blocks, whatever the file system
_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass
class Tally:
    """Sums by device: bytes on disk, and files; the size of the largest file; devices on which some may be out of sight."""

    bytes: dict[int, int] = field(default_factory=dict)
    files: dict[int, int] = field(default_factory=dict)
    largest: int = 0
    hidden: set[int] = field(default_factory=set)

    def add(self, found: os.stat_result) -> None:
        """Count the bytes of one file or folder. A file of holes has a size, and no bytes."""
        self.bytes[found.st_dev] = self.bytes.get(found.st_dev, 0) + found.st_blocks * _BLOCK
        if stat.S_ISREG(found.st_mode):
            self.largest = max(self.largest, found.st_size)

    def add_name(self, device: int) -> None:
        """Count one entry of a folder, or one file that is in none."""
        self.files[device] = self.files.get(device, 0) + 1


def walk(roots: Sequence[str], processes: Callable[[], Sequence[int]], tally: Tally) -> Iterator[None]:
    """Add all that is below `roots`, and what `processes` hold open and have no name for, to `tally`, piece by piece."""
    seen: set[int] = set()  # of several names or holders, the first counts
    devices: dict[str, int] = {}
    deepest = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _SPARE
    for root in roots:
        folder = _enter(root, None)
        if folder is not None:
            devices[root] = os.fstat(folder).st_dev
            yield from _tree(folder, deepest, seen, tally)
    mapped: set[int] = set()
    for pid in processes():
        for table in descriptors.tables(pid):
            _add_unnamed(table, set(devices.values()), seen, tally)
            yield
        mapped |= _mapped(pid, devices, tally)
        yield
    # What is mapped and held open as well has been counted.
    tally.hidden |= {key >> _INODE_BITS for key in mapped - seen}


def _add_unnamed(table: str, devices: set[int], seen: set[int], tally: Tally) -> None:
    for found in descriptors.unnamed(table, devices):
        if found is None:
            tally.hidden |= devices
        elif _is_first(found, seen):
            tally.add(found)
            tally.add_name(found.st_dev)


def _mapped(pid: int, devices: Mapping[str, int], tally: Tally) -> set[int]:
    keys = set()
    for place in descriptors.mapped(pid, list(devices)):
        if place is None:
            tally.hidden |= set(devices.values())
        else:
            root, inode = place
            keys.add(_key(devices[root], inode))
    return keys


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
                if names:
                    tally.hidden.add(os.fstat(parent).st_dev)
                pending.pop()
                os.close(parent)
    finally:
        for descriptor, _ in pending:
            os.close(descriptor)


def _entries(folder: int, folders: list[str], seen: set[int], tally: Tally) -> Iterator[None]:
    device = os.fstat(folder).st_dev
    try:
        with os.scandir(folder) as entries:
            for count, entry in enumerate(entries):
                _add(entry, device, folders, seen, tally)
                if count % _BATCH == _BATCH - 1:
                    yield
    except OSError:
        pass  # it was removed while being read
    yield


def _add(entry: os.DirEntry[str], device: int, folders: list[str], seen: set[int], tally: Tally) -> None:
    tally.add_name(device)
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
    key = _key(found.st_dev, found.st_ino)
    if key in seen:
        return False
    seen.add(key)
    return True


def _key(device: int, inode: int) -> int:
    return device << _INODE_BITS | inode


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
