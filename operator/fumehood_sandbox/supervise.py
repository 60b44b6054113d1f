"""Watches the program until it ends or has to be ended.

One loop over pipes, refused calls, the collector and signals; every turn does a
bounded amount of work, so that no flood of any of them stops the clocks. The
end of the first process ends the run: a daemon may hold the pipes for ever.
"""

from __future__ import annotations

import enum
import os
import selectors
import signal
import time
from dataclasses import dataclass

from . import processes
from .border.limits import Breach, Limit, Limits
from .child import Child
from .frames import Channel, ChannelError
from .meters import Meters
from .output import Output
from .signals import Signals
from .verdict import Measured, passed


class Stop(enum.Enum):
    """Why the runner ends the program, apart from limits."""

    TERMINATED = "told to stop"
    COLLECTOR_LOST = "nobody is left to report to"


@dataclass(frozen=True)
class Watched:
    """What the loop is about."""

    child: Child
    limits: Limits
    channel: Channel
    signals: Signals
    meters: Meters
    output: Output


class Supervisor:
    """The loop and what it has learned: `status` (of the first process), `breach`, `stop`, `trapped` (ended by SIGSYS)."""

    def __init__(self, watched: Watched) -> None:
        self._w = watched
        self._selector = selectors.DefaultSelector()
        self._selector.register(watched.signals, selectors.EVENT_READ, self._signalled)
        self._selector.register(watched.channel, selectors.EVENT_READ, self._collector)
        if watched.child.refusals:
            self._selector.register(watched.child.refusals, selectors.EVENT_READ, self._refused)
        self._reading: set[int] = set()
        self.status: int | None = None
        self.breach: Breach | None = None
        self.stop: Stop | None = None
        self.trapped = 0

    def run(self) -> None:
        """Return when the program has ended or must be ended."""
        while self.status is None and self.breach is None and self.stop is None:
            self._choose_pipes()
            for key, _ in self._selector.select(self._timeout()):
                key.data()
            self._send()
            self._reap()
            self._check(time.monotonic())

    def close(self) -> None:
        """Let go of the loop's own descriptor."""
        self._selector.close()

    def learn(self, ended: dict[int, int]) -> None:
        """Take the wait status of the first process from a set of reaped ones, and how many a filter has ended."""
        self.trapped += sum(os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGSYS for status in ended.values())
        if self.status is None:
            self.status = ended.get(self._w.child.pid)

    def measured(self) -> Measured:
        """What the meters and the pipes say now."""
        meters, disk = self._w.meters, self._w.meters.disk
        return Measured(
            output=self._w.output.total,
            cpu=meters.cpu,
            tasks=meters.tasks.most,
            open_files=meters.open_files,
            disk=disk.used,
            files=disk.files,
            largest_file=disk.largest,
        )

    def _timeout(self) -> float:
        deadline = self._w.child.started + self._w.limits.wall_clock
        return max(0.0, min(deadline, self._w.meters.next) - time.monotonic())

    def _choose_pipes(self) -> None:
        wanted = set() if self._w.output.congested else set(self._w.output.open)
        for descriptor in self._reading - wanted:
            self._selector.unregister(descriptor)
        for descriptor in wanted - self._reading:
            self._selector.register(descriptor, selectors.EVENT_READ, lambda pipe=descriptor: self._read(pipe))
        self._reading = wanted
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._w.channel.pending else 0)
        self._selector.modify(self._w.channel, events, self._collector)

    def _read(self, pipe: int) -> None:
        self._w.output.read(pipe)
        if pipe not in self._w.output.open:
            self._reading.discard(pipe)
            self._selector.unregister(pipe)

    def _signalled(self) -> None:
        if self._w.signals.terminated():
            self.stop = Stop.TERMINATED

    def _collector(self) -> None:
        # It has nothing to say while the program runs: any word is an end, too.
        try:
            if not self._w.channel.fill() or self._w.channel.take():
                self.stop = Stop.COLLECTOR_LOST
        except ChannelError:
            self.stop = Stop.COLLECTOR_LOST

    def _refused(self) -> None:
        refusals = self._w.child.refusals
        if refusals and not refusals.answer():
            self._selector.unregister(refusals)

    def _send(self) -> None:
        try:
            self._w.channel.flush()
        except ChannelError:
            self.stop = Stop.COLLECTOR_LOST

    def _reap(self) -> None:
        self.learn(processes.reap())

    def _check(self, now: float) -> None:
        self._w.meters.step(now)
        if self.status is None and self.breach is None:
            self.breach = self._passed(now - self._w.child.started)

    def _passed(self, seconds: float) -> Breach | None:
        limits, memory, elapsed = self._w.limits, self._w.meters.memory, round(seconds, 3)
        if elapsed > limits.wall_clock:
            return Breach(Limit.WALL_CLOCK, limits.wall_clock, elapsed)
        if memory > limits.memory:
            return Breach(Limit.MEMORY, limits.memory, memory)
        return passed(self.measured(), limits)
