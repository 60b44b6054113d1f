"""What the attempt consumes, from the best source that is visible.

The container's control group counts all that ever ran in it. Where it cannot be
read, the process table stands in: CPU time of the living and the reaped, and as
peak memory the highest sum seen (shared pages count repeatedly). The runner's
own CPU time is not the program's.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from . import cgroup, descriptors, processes
from .border.claim import Usage
from .border.limits import Limits
from .disk import DiskMeter, Room
from .layout import Layout
from .tasks import TaskMeter

_INTERVAL = 0.1
_IDLE_INTERVAL = 0.5
_IDLE = 0.001  # CPU seconds: with less, a program does nothing worth another look soon
_WATCH_INTERVAL = 0.02  # a program takes some 1 GB/s, and makes a process in less than a millisecond
_NEAR = 2  # more than one in so many of what is allowed is in use: look sooner
_REST = 9


class Meters:
    """Running totals since this object was made; made just before the program is started."""

    def __init__(self, layout: Layout, limits: Limits) -> None:
        self._limits = limits
        self.disk = DiskMeter(
            layout.writable, lambda: [process.pid for process in processes.descendants()], Room(limits.disk, limits.files)
        )
        self._group = cgroup.find(layout.cgroup)
        self.tasks = TaskMeter(self._group, limits.processes)
        self._group_start = self._group_cpu()
        self._table_start = 0.0 if self._group_start is not None else processes.cpu_seconds(processes.descendants())
        self._oom_start = self._oom_kills()
        # The kernel's wall stands behind the limit, since there has to be room for the runner,
        # and a kernel that keeps no peak (gVisor's) kills the whole sandbox, the collector
        # included: the limit itself is watched from here.
        self._watched = self._group is not None and self._group.peak_memory() is None
        self._held_start = (self._group.memory_held() if self._group else None) or 0
        self._peak = 0
        self._next = 0.0
        self._interval = _INTERVAL
        self.cpu = 0.0
        self.memory = 0  # in use, as far as a control group tells
        self.open_files = 0  # the most that one process was seen with

    @property
    def next(self) -> float:
        """When `step` has something to do (CLOCK_MONOTONIC)."""
        return min(self._next, self.disk.next)

    def step(self, now: float) -> None:
        """Measure what is due."""
        self.disk.step(now)
        if now >= self._next:
            interval = self._measure()
            self._next = now + max(interval, (time.monotonic() - now) * _REST)

    def measure_all(self, disk_timeout: float) -> None:
        """Measure everything once more, when the program is gone; its folders for at most `disk_timeout` seconds."""
        self.tasks.measure(())
        self._measure_cpu(())
        self.disk.measure(disk_timeout)

    def _measure(self) -> float:
        """Measure all but the disk; return the seconds until the next time."""
        table, before = processes.descendants(), self.cpu
        near = self._measure_table(table)
        self._measure_cpu(table)
        self._measure_memory(table)
        if self._watched or near or self.memory * _NEAR > self._limits.memory:
            return _WATCH_INTERVAL
        self._interval = _INTERVAL if self.cpu - before > _IDLE else min(self._interval * 2, _IDLE_INTERVAL)
        return self._interval

    def _measure_table(self, table: list[processes.Process]) -> bool:
        """Count tasks and open files; whether there are nearly as many as allowed."""
        most = max((descriptors.count(process.pid) for process in table), default=0)
        self.open_files = max(self.open_files, most)
        tasks = self.tasks.measure(table)
        return most * _NEAR > self._limits.open_files or tasks * _NEAR > self._limits.processes

    def _measure_cpu(self, table: Sequence[processes.Process]) -> None:
        total = self._group_cpu()
        if self._group_start is not None:
            self.cpu = max(self.cpu, (total or 0.0) - self._group_start)
        else:
            self.cpu = max(self.cpu, processes.cpu_seconds(table) - self._table_start)

    def _measure_memory(self, table: list[processes.Process]) -> None:
        if self._watched and self._group:
            self.memory = self._group.memory_in_use() or 0
            self._peak = max(self._peak, self.memory)
        elif self._group is None or self._group.memory is None:
            self._peak = max(self._peak, sum(process.rss for process in table))
        else:
            self.memory = max(0, (self._group.memory_held() or 0) - self._held_start)

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
