"""The trusted first process of the analysis container.

It starts the hostile program within limits, watches it, ends and reaps whatever
it left running, and tells the collector, over a connection that is older than
the program, how it went. `run` is the whole of it, one step after the other.
"""

from __future__ import annotations

import dataclasses
import select
import socket
import sys
import time
from collections.abc import Sequence

from . import child, kernel, limits, previews, processes, protections, readable, signals
from .border import VERSION
from .border.bounds import MAX_FRAME
from .border.claim import Claim, Ending
from .border.hello import Hello
from .border.task import Task
from .clock import now
from .codec import decode, encode
from .frames import Channel, ChannelError, Kind
from .layout import Layout, from_arguments
from .meters import Meters
from .output import Output
from .refusals import UNKNOWN
from .supervise import Stop, Supervisor, Watched
from .verdict import Facts, judge

_CONNECT = 60.0  # the collector may start later
_CONNECT_PAUSE = 0.02
_HELLO = 10.0
_TASK = 3600.0  # staging comes first; the collector keeps its deadline
_QUIESCE = 30.0
_READABLE = 10.0
_DISK = 10.0  # for counting what is left, which is no more than the limit on files and a moment's worth
_REPORT = 60.0
_ACK = 3600.0  # the collector keeps the harvest's deadline


def run(layout: Layout) -> int:
    """Do one attempt; return the exit code."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    caught = signals.take()
    limits.raise_open_files()
    channel = Channel(_connect(layout.port))
    task = _introduce(channel, caught)
    if isinstance(task, Task):
        _report(channel, _attempt(task, layout, channel, caught))
    elif task is not None:
        _report(channel, task)
    channel.receive(time.monotonic() + _ACK)
    return 0


def _connect(port: int) -> socket.socket:
    deadline = time.monotonic() + _CONNECT
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=1.0)
        except OSError:
            if time.monotonic() > deadline:
                raise ChannelError("the collector does not listen") from None
            time.sleep(_CONNECT_PAUSE)


def _introduce(channel: Channel, caught: signals.Signals) -> Task | Claim | None:
    """Say hello and wait for the task; a claim if told to stop meanwhile, None if there is nothing to do."""
    sandbox, missing = protections.probe()
    hello = Hello(VERSION, sandbox, missing)
    channel.send(Kind.HELLO, encode(hello), time.monotonic() + _HELLO)
    deadline = time.monotonic() + _TASK
    watched: list[Channel | signals.Signals] = [channel, caught]
    while (frame := channel.take()) is None:
        ready, _, _ = select.select(watched, [], [], max(0.0, deadline - time.monotonic()))
        if caught in ready and caught.terminated():
            return Claim(Ending.TERMINATED)
        if not ready or (channel in ready and not channel.fill()):
            raise ChannelError("the collector gave no task")
    if frame[0] is Kind.ACK:
        return None
    if frame[0] is not Kind.TASK or missing:
        raise ChannelError("the collector said something else")
    return decode(Task, frame[1], max_bytes=MAX_FRAME)


def _attempt(task: Task, layout: Layout, channel: Channel, caught: signals.Signals) -> Claim:
    """Run the program and return what became of it."""
    meters = Meters(layout, task.limits)
    try:
        program = child.start(task, layout, limits.for_program(task.limits, meters.tasks.others))
    except child.StartError as error:
        processes.end_all(_QUIESCE)
        return Claim(Ending.NOT_STARTED, fault=error.fault, detail=error.detail)
    started_at = now()
    output = Output(channel, task.limits.output, program.stdout, program.stderr)
    supervisor = Supervisor(Watched(program, task.limits, channel, caught, meters, output))
    supervisor.run()
    wall = time.monotonic() - program.started
    quiet, ended = _quiesce(layout)
    supervisor.learn(ended)
    supervisor.close()
    if supervisor.stop is Stop.COLLECTOR_LOST:
        raise ChannelError("the collector is gone")
    output.drain()
    verdict = judge(_facts(supervisor, meters), task.limits)
    claim = Claim(
        ending=verdict.ending,
        exit_code=verdict.exit_code,
        signal=verdict.signal,
        breach=verdict.breach,
        violations=_violations(program, supervisor),
        usage=meters.usage(wall),
        started_at=started_at,
        ended_at=now(),
    )
    if quiet and claim.ending is Ending.EXITED:
        stop = previews.make(task, claim.usage, layout, channel, caught)
        quiet, _ = _quiesce(layout)
        if stop is Stop.COLLECTOR_LOST:
            raise ChannelError("the collector is gone")
    return claim if quiet else dataclasses.replace(claim, detail="some processes could not be ended")


def _quiesce(layout: Layout) -> tuple[bool, dict[int, int]]:
    """End every process, then let the collector read the outputs; whether all are gone, and the wait status of each reaped one."""
    quiet, ended = processes.end_all(_QUIESCE)
    readable.make_readable(layout.outputs, _READABLE)
    return quiet, ended


def _violations(program: child.Child, supervisor: Supervisor) -> dict[str, int]:
    """Refused calls by name, and the processes that a filter ended: those that the runner has reaped.

    Which are the first one and orphans. A process that its own parent waits for is
    its parent's: what is seen then is what the parent makes of it (a shell exits
    with 159). That matters where refusals are not counted, for only there does
    a filter end processes for more than a foreign instruction set.
    """
    counted = dict(program.refusals.counts) if program.refusals else {}
    if supervisor.trapped:
        counted[UNKNOWN] = counted.get(UNKNOWN, 0) + supervisor.trapped
    return counted


def _facts(supervisor: Supervisor, meters: Meters) -> Facts:
    meters.measure_all(_DISK)
    return Facts(
        status=supervisor.status,
        stopped=supervisor.stop is Stop.TERMINATED,
        breach=supervisor.breach,
        killed_for_memory=meters.killed_for_memory(),
        peak_memory=meters.peak_memory(),
        measured=supervisor.measured(),
    )


def _report(channel: Channel, claim: Claim) -> None:
    channel.send(Kind.CLAIM, encode(claim), time.monotonic() + _REPORT)


def main(arguments: Sequence[str]) -> int:
    """Entry point: one line on stderr and exit code 1 if the attempt cannot be made or reported."""
    try:
        return run(from_arguments(arguments))
    except Exception as error:  # the type alone: a message may hold what the program chose
        reason = str(error) if isinstance(error, ChannelError) else type(error).__name__
        processes.end_all(_QUIESCE)
        print(f"fumehood runner: {reason}", file=sys.stderr)
        return 1
