"""Where the two programs find their world.

In a Pod these are the constants of `wire`; tests and an executor without
containers pass a value of their own, as JSON in the first argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from . import wire

MAX_LAYOUT = 1 << 16


@dataclass(frozen=True)
class Layout:
    """Absolute paths and the loopback port of one attempt."""

    order: str = f"{wire.ORDER_DIR}/{wire.ORDER_FILE}"
    work: str = wire.WORK
    inputs: str = wire.INPUTS
    outputs: str = wire.OUTPUTS
    tmp: str = wire.TMP
    home: str = wire.HOME
    shm: str = "/dev/shm"
    cgroup: str = "/sys/fs/cgroup"
    termination_log: str = wire.TERMINATION_LOG
    port: int = wire.PORT

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
    return wire.decode(Layout, arguments[0].encode(), max_bytes=MAX_LAYOUT)
