"""Where the two programs find their world.

In a Pod these are the constants of `border.places`; tests and an executor without
containers pass a value of their own, as JSON in the first argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .border.places import HOME, INPUTS, ORDER_DIR, ORDER_FILE, OUTPUTS, PORT, TERMINATION_LOG, TMP, WORK
from .codec import decode

MAX_LAYOUT = 1 << 16


@dataclass(frozen=True)
class Layout:
    """Absolute paths and the loopback port of one attempt."""

    order: str = f"{ORDER_DIR}/{ORDER_FILE}"
    work: str = WORK
    inputs: str = INPUTS
    outputs: str = OUTPUTS
    tmp: str = TMP
    home: str = HOME
    shm: str = "/dev/shm"
    cgroup: str = "/sys/fs/cgroup"
    termination_log: str = TERMINATION_LOG
    port: int = PORT

    @property
    def writable(self) -> tuple[str, ...]:
        """The folders in which the hostile program may leave data."""
        return (self.outputs, self.tmp, self.home, self.shm)


def from_arguments(arguments: Sequence[str]) -> Layout:
    """Return the layout given in the first argument, or the one of a Pod.

    Raises:
        DecodeError: the argument is no layout.
    """
    if not arguments:
        return Layout()
    return decode(Layout, arguments[0].encode(), max_bytes=MAX_LAYOUT)
