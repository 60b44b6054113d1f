"""What the attempt consumes, from the best source that is visible.

The container's control group counts all that ever ran in it. Where it cannot be
read, the process table stands in: CPU time of the living and the reaped, and as
peak memory the highest sum seen (shared pages count repeatedly). The runner's
own CPU time is not the program's.
"""

from __future__ import annotations

import time

from . import cgroup, processes
from .disk import DiskMeter
from .layout import Layout
from .wire import Usage

_INTERVAL = 0.1
_WATCH_INTERVAL = 0.02  # a program takes some 1 GB/s
_REST = 9


class Meters:
    """Running totals since this object was made; made just before the program is started."""

    def __init__(self, layout: Layout) -> None:
        self.disk = DiskMeter(layout.writable)
        self._group = cgroup.find(layout.cgroup)
        self._group_start = self._group_cpu()
        self._table_start = None if self._group_start is not None else processes.cpu_and_memory()[0]
        self._oom_start = self._oom_kills()
        # A kernel that keeps no peak (gVisor's) kills the whole sandbox for memory, the
        # collector included: there the limit is watched from here.
        self._watched = self._group is not None and self._group.peak_memory() is None
        self._peak = 0
        self._next = 0.0
        self.cpu = 0.0
        self.memory = 0  # in use, where that has to be watched; else 0

    @property
    def next(self) -> float:
        """When `step` has something to do (CLOCK_MONOTONIC)."""
        return min(self._next, self.disk.next)

    def step(self, now: float) -> None:
        """Measure what is due."""
        self.disk.step(now)
        if now >= self._next:
            self.measure_cpu()
            self._measure_memory()
            interval = _WATCH_INTERVAL if self._watched else _INTERVAL
            self._next = now + max(interval, (time.monotonic() - now) * _REST)

    def measure_cpu(self) -> float:
        """CPU seconds of all the program's processes; never less than what was found before."""
        if self._group_start is not None:
            self.cpu = max(self.cpu, (self._group_cpu() or 0.0) - self._group_start)
        else:
            total, memory = processes.cpu_and_memory()
            self.cpu = max(self.cpu, total - (self._table_start or 0.0))
            self._peak = max(self._peak, memory)
        return self.cpu

    def _measure_memory(self) -> None:
        if self._watched and self._group:
            self.memory = self._group.memory_in_use() or 0
            self._peak = max(self._peak, self.memory)

    def peak_memory(self) -> int:
        """Bytes."""
        peak = self._group.peak_memory() if self._group else None
        return self._peak if peak is None else peak

    def killed_for_memory(self) -> bool:
        """Whether the kernel has killed a process of the container for memory since the start."""
        return self._oom_kills() > self._oom_start

    def usage(self, wall_seconds: float) -> Usage:
        """Everything measured so far, as a record."""
        return Usage(round(wall_seconds, 3), round(self.cpu, 3), self.peak_memory())

    def _group_cpu(self) -> float | None:
        seconds = self._group.cpu_seconds() if self._group else None
        return None if seconds is None else seconds - time.process_time()

    def _oom_kills(self) -> int:
        return (self._group.oom_kills() if self._group else None) or 0
