"""The filter that closes system calls to the hostile program: finds the compiled one and loads it.

A foreign architecture ends the process; a call that a rule names is refused;
the rest is allowed (the Pod's own RuntimeDefault profile stands in front of it).
What the rules are, and how they become these files, is told in `filters`.
"""

from __future__ import annotations

import enum
import errno
import json
import os
from dataclasses import dataclass

from . import kernel

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "compiled")
MACHINES = ("x86_64", "aarch64")

_NEW_LISTENER = 1 << 3
_NO_LISTENER = (errno.EINVAL, errno.EBUSY, errno.ENOSYS)


class Kind(enum.StrEnum):
    """What becomes of a call whose refusal is counted."""

    COUNTING = "counting"  # the runner is asked, counts, and answers with the error
    PLAIN = "plain"  # the error, uncounted
    KILLING = "killing"  # the process gets a SIGSYS, of which it dies


@dataclass(frozen=True)
class Filters:
    """Both filters of a program, and what the numbers of counted calls mean: name and error."""

    counting: bytes
    uncounted: bytes  # where the kernel has no listener
    calls: dict[int, tuple[str, int]]


def filter_name(machine: str, egress: bool, kind: Kind) -> str:
    """The file of one filter."""
    return f"{machine}-{'egress' if egress else 'closed'}-{kind}.bpf"


def calls_name(machine: str) -> str:
    """The file of the counted calls' names."""
    return f"{machine}-calls.json"


def available() -> bool:
    """Whether there are filters for this machine, and a kernel that takes them."""
    return os.path.exists(os.path.join(FOLDER, calls_name(kernel.machine()))) and kernel.seccomp_supported()


def read(egress: bool, record: bool) -> Filters:
    """Return the filters for this machine.

    Refusals that cannot be counted would make an attack look like success, so
    they end the process then, unless violations are but recorded (`record`). By a
    signal, which a program may handle: what the kernel itself would end is, in
    gVisor's releases so far, the calling thread alone, and the others go on unseen.

    Raises:
        OSError: a file is missing.
    """
    machine = kernel.machine()
    uncounted = Kind.PLAIN if record else Kind.KILLING
    calls = json.loads(_content(calls_name(machine)))
    return Filters(
        _content(filter_name(machine, egress, Kind.COUNTING)),
        _content(filter_name(machine, egress, uncounted)),
        {int(number): (call, code) for number, (call, code) in calls.items()},
    )


def load(filters: Filters) -> int | None:
    """Load the counting filter and return its listener; where that is refused, the other one and None.

    no_new_privs must be set. Raises:
        OSError: no filter can be loaded.
    """
    try:
        return kernel.seccomp_load(filters.counting, _NEW_LISTENER)
    except OSError as error:
        if error.errno not in _NO_LISTENER:
            raise
    kernel.seccomp_load(filters.uncounted, 0)
    return None


def _content(name: str) -> bytes:
    with open(os.path.join(FOLDER, name), "rb") as file:
        return file.read()
