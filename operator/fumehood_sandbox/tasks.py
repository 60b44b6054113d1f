"""How many processes and threads the program has, or had, at once.

The container's control group keeps the highest number that there ever was, so
that a program which reaches its limit, fails and is gone within a millisecond
is found out all the same. That mark is also left by the container's runtime
while it starts the runner. If it is as high as a breach would be, the runner
first holds so many tasks of its own that a breach will be higher: ended
children that nobody waits for. They are made before the program is; after that
the runner never needs another process or thread.

Where there is no such mark, tasks are counted as often as the meters look.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import kernel
from .cgroup import Cgroup
from .processes import Process

_RUNNER = 1  # this process has one thread


class TaskMeter:
    """`most`: the most tasks that the program is known to have had at once."""

    def __init__(self, group: Cgroup | None, allowed: int) -> None:
        self._group = group
        peak = group.peak_tasks() if group else None
        held = to_hold(peak, allowed)
        for _ in range(held):
            kernel.hold_task()
        self.others = _RUNNER + held
        self._mark = max(peak or 0, self.others)
        self.most = 0

    def measure(self, table: Sequence[Process]) -> int:
        """Look, and return the most so far; `table` holds the program's processes."""
        peak = self._group.peak_tasks() if self._group else None
        if peak is not None and peak > self._mark:
            self.most = max(self.most, peak - self.others)
        elif self._group and (now := self._group.tasks_now()) is not None:
            self.most = max(self.most, now - self.others)
        else:
            self.most = max(self.most, sum(process.threads for process in table))
        return self.most


def to_hold(peak: int | None, allowed: int) -> int:
    """How many tasks the runner must hold for `allowed` + 1 of the program to be a new mark."""
    return 0 if peak is None else max(0, peak - _RUNNER - allowed)
