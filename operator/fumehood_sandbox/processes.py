"""The program's processes: kill all, reap all, count what they use.

The runner is process 1 of a PID namespace, and starts nothing where it is not:
orphans are its children, and a kill aimed at -1 reaches all of them and nobody
else. Anywhere else that call would reach strangers.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_REAP_TURN = 512
_PAUSE = 0.002


@dataclass(frozen=True)
class Process:
    """One line of the process table; `cpu` (seconds) includes children it has reaped, `rss` is in bytes."""

    pid: int
    parent: int
    cpu: float
    rss: int
    threads: int


def descendants() -> list[Process]:
    """Return all processes below this one."""
    table = [process for name in os.listdir("/proc") if name.isdigit() and (process := _read(int(name)))]
    ours, found = {os.getpid()}, []
    children: dict[int, list[Process]] = {}
    for process in table:
        children.setdefault(process.parent, []).append(process)
    while ours:
        for process in children.pop(ours.pop(), ()):
            found.append(process)
            ours.add(process.pid)
    return found


def cpu_seconds(living: Sequence[Process]) -> float:
    """CPU time of the living and of the reaped."""
    reaped = resource.getrusage(resource.RUSAGE_CHILDREN)
    return reaped.ru_utime + reaped.ru_stime + sum(process.cpu for process in living)


def reap() -> dict[int, int]:
    """Reap what has ended, a bounded number at once: pid -> wait status."""
    ended: dict[int, int] = {}
    for _ in range(_REAP_TURN):
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        if pid == 0:
            break
        ended[pid] = status
    return ended


def kill_all() -> None:
    """Send SIGKILL to every other process of the namespace."""
    if os.getpid() != 1:
        return  # then there is none of ours
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        pass  # only such are left that are another user's


def end_all(timeout: float) -> tuple[bool, dict[int, int]]:
    """Kill and reap until no child is left; False if some outlive `timeout` seconds. Also what was reaped."""
    deadline = time.monotonic() + timeout
    ended: dict[int, int] = {}
    while True:
        kill_all()
        ended.update(reap())
        if not _has_children():
            return True, ended
        if time.monotonic() > deadline:
            return False, ended
        time.sleep(_PAUSE)


def _has_children() -> bool:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read(4096)
    except OSError:
        return None
    fields = text[text.rfind(b")") + 2 :].split()  # the name in brackets may hold anything
    if len(fields) < 22:
        return None
    cpu = sum(int(value) for value in fields[11:15]) / _TICKS
    return Process(pid, int(fields[1]), cpu, int(fields[21]) * _PAGE, int(fields[17]))
