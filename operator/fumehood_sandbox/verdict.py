"""Says how the program ended: a pure function of what the runner has seen.

A limit that the runner enforced comes first; then what the kernel enforced on
its own; then limits that were passed in the last moments, so that the same
program gets the same answer however the measurements fell; then the exit.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from .wire import Breach, Ending, Limit, Limits


@dataclass(frozen=True)
class Facts:
    """Everything known when all processes are gone."""

    status: int | None  # wait status of the first process
    stopped: bool  # told to stop, and ended by the runner
    breach: Breach | None  # the limit for which the runner ended it
    killed_for_memory: bool
    cpu: float
    peak_memory: int
    disk: int
    output: int


@dataclass(frozen=True)
class Verdict:
    """The part of a claim that says how it ended."""

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    breach: Breach | None = None


def judge(facts: Facts, limits: Limits) -> Verdict:
    """Return the ending."""
    if facts.stopped:
        return Verdict(Ending.TERMINATED)
    breach = facts.breach or _breach(facts, limits)
    if breach:
        return Verdict(Ending.LIMIT, breach=breach)
    if facts.status is None:
        return Verdict(Ending.SIGNALLED, signal=signal.SIGKILL)
    if os.WIFSIGNALED(facts.status):
        return Verdict(Ending.SIGNALLED, signal=os.WTERMSIG(facts.status))
    return Verdict(Ending.EXITED, exit_code=os.waitstatus_to_exitcode(facts.status))


def _breach(facts: Facts, limits: Limits) -> Breach | None:
    by = _signal(facts.status)
    # A worker killed for memory often makes its parent fail in an ordinary way.
    if facts.killed_for_memory and facts.status != 0:
        return Breach(Limit.MEMORY, limits.memory, max(facts.peak_memory, limits.memory))
    if by == signal.SIGXFSZ:  # RLIMIT_FSIZE is a little more than the disk limit
        return Breach(Limit.DISK, limits.disk, max(facts.disk, limits.disk))
    for limit, allowed, measured in (
        (Limit.OUTPUT, limits.output, facts.output),
        (Limit.CPU_TIME, limits.cpu_time, facts.cpu),
        (Limit.DISK, limits.disk, facts.disk),
    ):
        if measured > allowed:
            return Breach(limit, allowed, round(measured, 3))
    return None


def _signal(status: int | None) -> int | None:
    return os.WTERMSIG(status) if status is not None and os.WIFSIGNALED(status) else None
