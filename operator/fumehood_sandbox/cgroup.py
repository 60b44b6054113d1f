"""Reads what the kernel accounts to the container: CPU time, memory, kills for memory, tasks.

Both versions of control groups, in the places where container runtimes mount
them. Files of a group that holds more than this container (as without a
container) would count strangers, so such a group is not used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

_MAX_FILE = 1 << 16


@dataclass(frozen=True)
class Cgroup:
    """Paths of the files to read; None where there is none."""

    version: int
    cpu: str | None
    memory: str | None
    tasks: str | None

    def cpu_seconds(self) -> float | None:
        """CPU time of all processes of the container so far, in seconds."""
        if self.cpu is None:
            return None
        if self.version == 2:
            microseconds = _entry(f"{self.cpu}/cpu.stat", "usage_usec")
            return None if microseconds is None else microseconds / 1e6
        nanoseconds = _number(f"{self.cpu}/cpuacct.usage")
        return None if nanoseconds is None else nanoseconds / 1e9

    def peak_memory(self) -> int | None:
        """The most memory that was in use at once, in bytes."""
        if self.memory is None:
            return None
        return _number(f"{self.memory}/{'memory.peak' if self.version == 2 else 'memory.max_usage_in_bytes'}")

    def memory_in_use(self) -> int | None:
        """The memory in use now, in bytes."""
        if self.memory is None:
            return None
        return _number(f"{self.memory}/{'memory.current' if self.version == 2 else 'memory.usage_in_bytes'}")

    def memory_held(self) -> int | None:
        """The memory that is in use now and cannot be had back, in bytes: without caches of files."""
        if self.memory is None:
            return None
        names = ("anon", "shmem") if self.version == 2 else ("total_rss", "total_shmem")
        held = [_entry(f"{self.memory}/memory.stat", name) for name in names]
        return None if held[0] is None else sum(part or 0 for part in held)

    def oom_kills(self) -> int | None:
        """How many processes the kernel has killed for memory."""
        if self.memory is None:
            return None
        return _entry(f"{self.memory}/{'memory.events' if self.version == 2 else 'memory.oom_control'}", "oom_kill")

    def tasks_now(self) -> int | None:
        """How many processes and threads there are, zombies included."""
        return _number(f"{self.tasks}/pids.current") if self.tasks else None

    def peak_tasks(self) -> int | None:
        """The most processes and threads that there were at once. Kernels since 6.1 keep it."""
        return _number(f"{self.tasks}/pids.peak") if self.tasks else None


def find(root: str) -> Cgroup | None:
    """Return the container's own control group below the mount point `root`, if it is visible."""
    if os.path.exists(f"{root}/cgroup.controllers"):
        return Cgroup(2, root, root, root) if _is_ours(root) else None
    cpu = _first(f"{root}/{name}" for name in ("cpuacct", "cpu,cpuacct", "cpuacct,cpu"))
    memory = _first((f"{root}/memory",))
    tasks = _first((f"{root}/pids",))
    return Cgroup(1, cpu, memory, tasks) if cpu or memory or tasks else None


def _first(candidates: Iterable[str]) -> str | None:
    return next((path for path in candidates if _is_ours(path)), None)


def _is_ours(path: str) -> bool:
    """Whether this process is alone in the group, as the first process of a container is."""
    return _read(f"{path}/cgroup.procs").split() == [str(os.getpid()).encode()]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_FILE)
    except OSError:
        return b""


def _number(path: str) -> int | None:
    text = _read(path).strip()
    return int(text) if text.isdigit() else None


def _entry(path: str, name: str) -> int | None:
    for line in _read(path).splitlines():
        key, _, value = line.partition(b" ")
        if key == name.encode() and value.strip().isdigit():
            return int(value)
    return None
