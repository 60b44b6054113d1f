"""Which waiting job may start next: so many sandboxes at once, first come first served."""

from __future__ import annotations

import bisect

Key = tuple[str, str]  # namespace, name


class Admission:
    """Counts the sandboxes that exist; kubelet and scheduler see no more of them than `capacity`."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._active: set[str] = set()
        self._waiting: list[tuple[str, int, str]] = []
        self._keys: dict[str, Key] = {}  # of all that are active or waiting
        self._uids: dict[Key, set[str]] = {}
        self._arrivals = 0

    @property
    def active(self) -> int:
        """How many sandboxes exist."""
        return len(self._active)

    @property
    def waiting(self) -> int:
        """How many jobs wait for a place."""
        return len(self._waiting)

    def request(self, uid: str, key: Key, created: str) -> bool:
        """Return whether the job may start now; else it waits, ordered by creation, then arrival."""
        if uid in self._active:
            return True
        if uid not in self._keys:
            self._know(uid, key)
            bisect.insort(self._waiting, (created, self._arrivals, uid))
            self._arrivals += 1
        free = self._capacity - len(self._active)
        if not any(entry[2] == uid for entry in self._waiting[: max(free, 0)]):
            return False
        self.occupy(uid, key)
        return True

    def occupy(self, uid: str, key: Key) -> None:
        """Count a sandbox that exists, whoever started it."""
        if uid not in self._active:
            self._leave(uid)
            self._know(uid, key)
            self._active.add(uid)

    def release(self, uid: str) -> list[Key]:
        """Forget a job; return the keys of those that may start instead."""
        self._leave(uid)
        free = self._capacity - len(self._active)
        return [self._keys[entry[2]] for entry in self._waiting[: max(free, 0)]]

    def keep_only(self, key: Key, uid: str | None) -> list[Key]:
        """Forget earlier jobs of the same name, whose deletion nobody may have told of; see `release`."""
        gone = [other for other in self._uids.get(key, ()) if other != uid]
        return [woken for other in gone for woken in self.release(other)]

    def _know(self, uid: str, key: Key) -> None:
        self._keys[uid] = key
        self._uids.setdefault(key, set()).add(uid)

    def _leave(self, uid: str) -> None:
        key = self._keys.pop(uid, None)
        if key is None:
            return
        self._uids[key].discard(uid)
        if not self._uids[key]:
            del self._uids[key]
        if uid in self._active:
            self._active.discard(uid)
        else:
            self._waiting = [entry for entry in self._waiting if entry[2] != uid]
