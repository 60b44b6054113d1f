"""Measures what the program has written: bytes, files, and the largest of them.

Walking its folders is dear, and asking a file system how much is free costs
next to nothing. Whatever the program writes makes the free room less, and so do
others on the same file system: so the free room says when to walk, and the walk
says what is the program's. The next look comes before the fastest writer could
pass the limit; near it there are many.

Some files without a name are out of sight (see `descriptors`), and the node's own
limit does not see them either. Where there may be some, all that the file system
has lost since the program was started is held to be the program's: others may have
had a part in it, but whoever hides nothing is not charged for them. Ordinary programs
have a file on its way through a socket for a moment; only what stays out of sight, look
for look, counts.
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
_SURE = 5  # whole walks, one after the other, after which out of sight is hidden


@dataclass(frozen=True)
class Room:
    """Bytes and files, free or in use."""

    bytes: int
    files: int

    def __add__(self, other: Room) -> Room:
        return Room(self.bytes + other.bytes, self.files + other.files)

    def __sub__(self, other: Room) -> Room:
        return Room(self.bytes - other.bytes, self.files - other.files)


_NOTHING = Room(0, 0)


class DiskMeter:
    """Looks at some folders in small steps. `used`, `files` and `largest` are of the last whole walk or of the present part."""

    def __init__(self, roots: Sequence[str], processes: Callable[[], Sequence[int]], allowed: Room) -> None:
        self._roots = roots
        self._processes = processes
        self._allowed = allowed
        self._walk: Iterator[None] | None = None
        self._tally = Tally()
        self._out_of_sight: dict[int, int] = {}  # by device: how many walks in a row found something to be so
        self._at_first = rooms(roots)
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
            self._out_of_sight = {device: self._out_of_sight.get(device, 0) + 1 for device in self._tally.hidden}
        found, whole = self._sum(), self._walk is None
        self.used = found.bytes if whole else max(self.used, found.bytes)
        self.files = found.files if whole else max(self.files, found.files)
        self.largest = max(self.largest, self._tally.largest)

    def _sum(self) -> Room:
        """What was found; where something is hidden, all that is gone."""
        found, total = self._tally, _NOTHING
        gone = self._gone({device for device, walks in self._out_of_sight.items() if walks >= _SURE})
        for device in found.bytes.keys() | found.files.keys() | gone.keys():
            seen, lost = Room(found.bytes.get(device, 0), found.files.get(device, 0)), gone.get(device, _NOTHING)
            total += Room(max(seen.bytes, lost.bytes), max(seen.files, lost.files))
        return total

    def _gone(self, devices: set[int]) -> dict[int, Room]:
        """What some file systems have lost since the start."""
        now = rooms(self._roots) if devices else {}
        return {device: self._at_first[device] - now[device] for device in devices & now.keys() & self._at_first.keys()}


def pace(room: Room) -> float:
    """Seconds until the next look, with so much left of the limits."""
    return min(_LATEST, max(_SOONEST, min(room.bytes / _BYTES_A_SECOND, room.files / _FILES_A_SECOND)))


def free(roots: Sequence[str]) -> Room:
    """What is free on the file systems of `roots` together; one that several share counts once."""
    return sum(rooms(roots).values(), _NOTHING)


def rooms(roots: Sequence[str]) -> dict[int, Room]:
    """What is free on each file system of `roots`, by device."""
    found: dict[int, Room] = {}
    for root in roots:
        try:
            device, free = os.stat(root).st_dev, os.statvfs(root)
        except OSError:
            continue
        found[device] = Room(free.f_bfree * free.f_frsize, free.f_ffree)
    return found
