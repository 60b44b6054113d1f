"""What the program prints: read without waiting, forwarded, and bounded.

Chunks go to the collector as they come, so that they survive the runner, and to
the runner's own streams for `kubectl logs`, which may drop some: it must never
be waited for. The limit is of both streams together.
"""

from __future__ import annotations

import contextlib
import os

from .frames import Channel, ChannelError, Kind

_CHUNK = 1 << 16
_HIGH_WATER = 1 << 20  # bytes queued for a collector that does not read
_DRAIN = 4096  # chunks left in a pipe at the end: as many as it has pages, if the program made it one of packets (O_DIRECT)


class Output:
    """Both pipes of the program; what comes through is forwarded only if it is to be `heard`."""

    def __init__(self, channel: Channel, limit: int, stdout: int, stderr: int, *, heard: bool = True) -> None:
        self._channel = channel
        self._heard = heard
        self._limit = limit
        self._kinds = {stdout: Kind.STDOUT, stderr: Kind.STDERR}
        self._copies = {Kind.STDOUT: 1, Kind.STDERR: 2}
        for descriptor in self._copies.values():
            os.set_blocking(descriptor, False)
        self.total = 0

    @property
    def open(self) -> tuple[int, ...]:
        """The pipes that are not at their end."""
        return tuple(self._kinds)

    @property
    def exceeded(self) -> bool:
        """Whether the limit has been passed."""
        return self.total > self._limit

    @property
    def congested(self) -> bool:
        """Whether to leave the program waiting until the collector has read some."""
        return self._channel.pending > _HIGH_WATER

    def read(self, descriptor: int) -> bool:
        """Take one chunk; False if there is none now or the pipe is at its end."""
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return False
        if not chunk:
            self._close(descriptor)
            return False
        self._forward(self._kinds[descriptor], chunk)
        return True

    def drain(self) -> None:
        """Take what is left when all writers are gone, and close."""
        for descriptor in self.open:
            for _ in range(_DRAIN):
                if self.exceeded or not self.read(descriptor):
                    break
            if descriptor in self._kinds:
                self._close(descriptor)

    def _forward(self, kind: Kind, chunk: bytes) -> None:
        # The collector gets the chunk that passes the limit whole: it counts for itself.
        room = max(0, self._limit - self.total)
        self.total += len(chunk)
        if not self._heard:
            return
        self._channel.queue(kind, chunk)
        with contextlib.suppress(ChannelError):  # the supervisor will notice
            self._channel.flush()
        with contextlib.suppress(OSError):  # nobody may be reading fast enough, or at all
            os.write(self._copies[kind], chunk[:room])

    def _close(self, descriptor: int) -> None:
        del self._kinds[descriptor]
        os.close(descriptor)
