"""Measures what the program has written: bytes, files, and the largest of them.

Walking its folders is dear, and asking a file system how much is free costs
next to nothing. Whatever the program writes makes the free room less, and so do
others on the same file system: so the free room says when to walk, and the walk
says what is the program's. The next look comes before the fastest writer could
pass the limit; near it there are many.

Not seen are files that have no name and are held by no descriptor (mapped, or
on their way through a socket): they are left to the node's own limits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .tree import Tally, walk

_BYTES_A_SECOND = 2 << 30  # the fastest writer, about; some files too many harm less than some bytes
_FILES_A_SECOND = 50_000
_SOONEST, _LATEST = 0.02, 0.25  # seconds between two looks
_SLICE = 0.02  # of a walk, between two turns of the supervisor's loop
_REST, _HURRY = 9, 1  # how long a walk rests for each second of work, and if the limit may have been passed
_STALE = 1.0  # a whole walk is repeated at the latest when the free room has changed; its sum may be hidden in others'
_STALE_REST = 50


@dataclass(frozen=True)
class Room:
    """Bytes and files, free or in use."""

    bytes: int
    files: int

    def __sub__(self, other: Room) -> Room:
        return Room(self.bytes - other.bytes, self.files - other.files)


class DiskMeter:
    """Looks at some folders in small steps. `used`, `files` and `largest` are of the last whole walk or of the present part."""

    def __init__(self, roots: Sequence[str], processes: Callable[[], Sequence[int]], allowed: Room) -> None:
        self._roots = roots
        self._processes = processes
        self._allowed = allowed
        self._walk: Iterator[None] | None = None
        self._tally = Tally()
        self._free = self._free_then = free(roots)
        self._stale = 0.0
        self._worked = 0.0
        self.next = 0.0
        self.used = self.files = self.largest = 0

    def step(self, now: float) -> None:
        """Look if it is time to; walk, or walk on for a moment, if there is a reason."""
        if now < self.next:
            return
        self._free = free(self._roots)
        room = self._room()
        suspicious = room.bytes < 0 or room.files < 0
        if self._walk is None and not suspicious and (now < self._stale or self._free == self._free_then):
            self.next = now + pace(room)
            return
        began = time.monotonic()
        self._advance(began + _SLICE)
        worked = time.monotonic() - began
        self._worked += worked
        self.next = now + worked * (1 + (_HURRY if suspicious else _REST))
        if self._walk is None:
            self._stale = now + max(_STALE, self._worked * _STALE_REST)
            self.next = max(self.next, now + pace(self._room()))
            self._worked = 0.0

    def measure(self, timeout: float) -> None:
        """Walk once from the start, for at most `timeout` seconds."""
        self._walk = None
        self._advance(time.monotonic() + timeout)

    def _room(self) -> Room:
        """What is left of the limits, if all that was written since the last walk began is the program's."""
        return self._allowed - Room(self.used, self.files) - (self._free_then - self._free)

    def _advance(self, until: float) -> None:
        if self._walk is None:
            self._free_then, self._tally = free(self._roots), Tally()
            self._walk = walk(self._roots, self._processes, self._tally)
        for _ in self._walk:
            if time.monotonic() > until:
                break
        else:
            self._walk = None
        found, whole = self._tally, self._walk is None
        self.used = found.bytes if whole else max(self.used, found.bytes)
        self.files = found.files if whole else max(self.files, found.files)
        self.largest = max(self.largest, found.largest)


def pace(room: Room) -> float:
    """Seconds until the next look, with so much left of the limits."""
    return min(_LATEST, max(_SOONEST, min(room.bytes / _BYTES_A_SECOND, room.files / _FILES_A_SECOND)))


def free(roots: Sequence[str]) -> Room:
    """What is free on the file systems of `roots` together; one that several share counts once."""
    found: dict[int, os.statvfs_result] = {}
    for root in roots:
        try:
            found[os.stat(root).st_dev] = os.statvfs(root)
        except OSError:
            continue
    return Room(sum(each.f_bfree * each.f_frsize for each in found.values()), sum(each.f_ffree for each in found.values()))
