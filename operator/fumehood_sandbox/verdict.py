"""Says how the program ended: a pure function of what the runner has seen.

A limit that the runner enforced comes first; then what the kernel enforced on
its own; then limits that were passed in the last moments, so that the same
program gets the same answer however the measurements fell; then the exit.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from .border.claim import Ending
from .border.limits import Breach, Limit, Limits


@dataclass(frozen=True)
class Measured:
    """What is measured again and again while the program runs, and once when it is gone."""

    output: int
    cpu: float
    tasks: int
    open_files: int
    disk: int
    files: int
    largest_file: int


@dataclass(frozen=True)
class Facts:
    """Everything known when all processes are gone."""

    status: int | None  # wait status of the first process
    stopped: bool  # told to stop, and ended by the runner
    breach: Breach | None  # the limit for which the runner ended it
    killed_for_memory: bool
    peak_memory: int
    measured: Measured


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
    breach = facts.breach or _kernels_breach(facts, limits) or passed(facts.measured, limits) or _file_size(facts, limits)
    if breach:
        return Verdict(Ending.LIMIT, breach=breach)
    if facts.status is None:
        return Verdict(Ending.SIGNALLED, signal=signal.SIGKILL)
    if os.WIFSIGNALED(facts.status):
        return Verdict(Ending.SIGNALLED, signal=os.WTERMSIG(facts.status))
    return Verdict(Ending.EXITED, exit_code=os.waitstatus_to_exitcode(facts.status))


def passed(measured: Measured, limits: Limits) -> Breach | None:
    """Return the first limit that was passed. One file that fills the disk passes `disk`, whatever its own limit is."""
    for limit, allowed, value in (
        (Limit.OUTPUT, limits.output, measured.output),
        (Limit.CPU_TIME, limits.cpu_time, measured.cpu),
        (Limit.PROCESSES, limits.processes, measured.tasks),
        (Limit.OPEN_FILES, limits.open_files, measured.open_files),
        (Limit.DISK, limits.disk, measured.disk),
        (Limit.FILES, limits.files, measured.files),
        (Limit.FILE_SIZE, limits.file_size, measured.largest_file),
    ):
        if value > allowed:
            return Breach(limit, allowed, round(value, 3))
    return None


def _kernels_breach(facts: Facts, limits: Limits) -> Breach | None:
    # A worker killed for memory often makes its parent fail in an ordinary way.
    if facts.killed_for_memory and facts.status != 0:
        return Breach(Limit.MEMORY, limits.memory, max(facts.peak_memory, limits.memory))
    return None


def _file_size(facts: Facts, limits: Limits) -> Breach | None:
    # A file that was to be made too large at once never was that large.
    if facts.status is not None and os.WIFSIGNALED(facts.status) and os.WTERMSIG(facts.status) == signal.SIGXFSZ:
        return Breach(Limit.FILE_SIZE, limits.file_size, limits.file_size + 1)
    return None
