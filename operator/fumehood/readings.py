"""Jobs as they were last read or written: most events are of Pods, and need no job read anew.

A reading that is stale all the same does no harm: each write names the version
that it was made from, and fails if there is a newer one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from .api.v1alpha1 import AnalysisJob
from .ports import Clock
from .workqueue import Key

_NOTHING = "nothing"  # no resource version: those are numbers


@dataclass
class Reading:
    """A job while it is worked on; `at` is when it was read from the API server."""

    job: AnalysisJob | None = None
    at: datetime | None = None


class Readings:
    """One reading a job, for those that are put back; each is read anew after `lifetime`, since a watch can be silent."""

    def __init__(self, clock: Clock, lifetime: timedelta) -> None:
        self._clock = clock
        self._lifetime = lifetime
        self._kept: dict[Key, Reading] = {}
        self._told: dict[Key, str | None] = {}  # of jobs that are worked on: the version that a watch told of meanwhile

    def __len__(self) -> int:
        return len(self._kept)

    def changed(self, key: Key, version: str | None) -> bool:
        """Forget a job of which a watch tells another version (None: it is gone); False if that version is known."""
        if key in self._told:
            self._told[key] = version
        kept = self._kept.get(key)
        if kept and _is(kept, version):
            return False
        self._kept.pop(key, None)
        return True

    @contextmanager
    def take(self, key: Key) -> Iterator[Reading]:
        """Lend a job's reading, empty if there is none; what it holds at the end is kept, unless something failed.

        A version that a watch told of meanwhile must be the one that is put back, as
        after a write of our own.
        """
        reading = self._kept.pop(key, Reading())
        if reading.at is not None and self._clock() - reading.at >= self._lifetime:
            reading = Reading()
        self._told[key] = _NOTHING
        try:
            yield reading
            if reading.job is not None and (self._told[key] == _NOTHING or _is(reading, self._told[key])):
                reading.at = reading.at or self._clock()
                self._kept[key] = reading
        finally:
            del self._told[key]


def _is(reading: Reading, version: str | None) -> bool:
    return reading.job is not None and reading.job.metadata.resource_version == version
