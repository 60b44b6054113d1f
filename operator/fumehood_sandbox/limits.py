"""Limits that the kernel keeps for each process of the program.

Walls, of which the program sees an ordinary error. Where a limit promises an
end and not only a wall, its wall stands a little further than it allows: who
passes the limit can then be seen to have passed it. Soft equals hard, so nothing
can be raised.
"""

from __future__ import annotations

import math
import resource
from collections.abc import Mapping

from .border.bounds import MAX_PREVIEW
from .border.limits import Limits

_LOCKED_MEMORY = 64 << 10
_CPU_SLACK = 5
# The kernel counts tasks for this user that are not there to be seen: one in a user namespace that runc made.
_UNSEEN_TASKS = 8
_MOST_FOR_PREVIEWS = 512 << 20  # bytes of memory
_REALTIME_PRIORITY = 14  # RLIMIT_RTPRIO, for which the standard library has no name
# A kernel without message queues and real-time scheduling (gVisor) refuses these two.
_DISPENSABLE = {resource.RLIMIT_MSGQUEUE, _REALTIME_PRIORITY}


def for_program(limits: Limits, others: int) -> dict[int, int]:
    """Return resource -> value. `others`: tasks of this UID that are not the program's, and count as well."""
    return {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: limits.open_files + 1,
        resource.RLIMIT_NPROC: others + limits.processes + 1 + _UNSEEN_TASKS,
        resource.RLIMIT_FSIZE: limits.file_size + 1,
        resource.RLIMIT_CPU: math.ceil(limits.cpu_time) + _CPU_SLACK,
        resource.RLIMIT_MEMLOCK: _LOCKED_MEMORY,
        resource.RLIMIT_MSGQUEUE: 0,
        _REALTIME_PRIORITY: 0,
    }


def for_preview(limits: Limits, others: int) -> dict[int, int]:
    """Return the same for what makes previews: it meets walls before it comes near a limit of the attempt, or of the container."""
    memory = min(_MOST_FOR_PREVIEWS, limits.memory // 2)
    return for_program(limits, others) | {resource.RLIMIT_DATA: memory, resource.RLIMIT_FSIZE: MAX_PREVIEW}


def apply(values: Mapping[int, int]) -> None:
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


def raise_open_files() -> None:
    """Let this process, the trusted one, open as many files as it may: it walks the program's folders."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
