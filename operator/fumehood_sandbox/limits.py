"""Limits that the kernel keeps for each process of the program.

They are backstops: what is promised of all processes together (CPU time, disk)
is measured by the supervisor. Soft equals hard, so nothing can be raised.
"""

from __future__ import annotations

import math
import resource

from .wire import Limits

OPEN_FILES = 1024
PROCESSES = 1024  # of this UID, in this user namespace
_LOCKED_MEMORY = 64 << 10
_CPU_SLACK = 5
_FILE_SLACK = 1 << 20  # one file alone can then pass the disk limit, and be seen to have passed it
_REALTIME_PRIORITY = 14  # RLIMIT_RTPRIO, for which the standard library has no name
# A kernel without message queues and real-time scheduling (gVisor) refuses these two.
_DISPENSABLE = {resource.RLIMIT_MSGQUEUE, _REALTIME_PRIORITY}


def for_program(limits: Limits) -> dict[int, int]:
    """Return resource -> value."""
    return {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_NPROC: PROCESSES,
        resource.RLIMIT_FSIZE: limits.disk + _FILE_SLACK,
        resource.RLIMIT_CPU: math.ceil(limits.cpu_time) + _CPU_SLACK,
        resource.RLIMIT_MEMLOCK: _LOCKED_MEMORY,
        resource.RLIMIT_MSGQUEUE: 0,
        _REALTIME_PRIORITY: 0,
    }


def apply(values: dict[int, int]) -> None:
    """Set each limit for this process, never above the hard limit that is there.

    Raises:
        OSError, ValueError: the kernel refuses one that must be in force.
    """
    for which, value in values.items():
        _, hard = resource.getrlimit(which)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        try:
            resource.setrlimit(which, (bound, bound))
        except (OSError, ValueError):
            if which not in _DISPENSABLE:
                raise
