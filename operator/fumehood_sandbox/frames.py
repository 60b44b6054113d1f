"""Messages over the one connection between runner and collector.

A frame is a type byte, a length of four bytes (network order) and that many
bytes, at most `MAX_FRAME`. Neither side trusts the other's bounds: the
runner shares its container with hostile code. The socket never blocks, so that
a stalled peer cannot stop a clock; waits have a deadline (CLOCK_MONOTONIC).
"""

from __future__ import annotations

import contextlib
import enum
import select
import socket
import struct
import time

from .border.bounds import MAX_FRAME

_HEADER = struct.Struct("!BI")
_CHUNK = 1 << 16


class Kind(enum.IntEnum):
    """Who sends it: the runner all but TASK and ACK."""

    HELLO = 1
    TASK = 2
    STDOUT = 3
    STDERR = 4
    CLAIM = 5
    ACK = 6


Frame = tuple[Kind, bytes]


class ChannelError(Exception):
    """The peer is gone, silent for too long, or does not speak this protocol."""


class Channel:
    """One end of the connection, with a bounded inbox and an outbox that the caller bounds."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._inbox = bytearray()
        self._outbox = bytearray()

    def fileno(self) -> int:
        """For select and poll."""
        return self._socket.fileno()

    @property
    def pending(self) -> int:
        """Bytes that are queued and not yet taken by the kernel."""
        return len(self._outbox)

    def queue(self, kind: Kind, payload: bytes) -> None:
        """Append a frame to the outbox; nothing is sent yet."""
        if len(payload) > MAX_FRAME:
            raise ChannelError("a frame is too large to send")
        self._outbox += _HEADER.pack(kind, len(payload)) + payload

    def flush(self) -> None:
        """Give the kernel as much of the outbox as it takes now."""
        try:
            while self._outbox:
                del self._outbox[: self._socket.send(self._outbox[:_CHUNK])]
        except BlockingIOError:
            return
        except OSError:
            raise ChannelError("the peer is gone") from None

    def fill(self) -> bool:
        """Read once what is there; False at the end of the connection."""
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._inbox += data
        return bool(data)

    def take(self) -> Frame | None:
        """Return the next whole frame of the inbox, if there is one."""
        if len(self._inbox) < _HEADER.size:
            return None
        kind, length = _HEADER.unpack_from(self._inbox)
        if length > MAX_FRAME or kind not in Kind.__members__.values():
            raise ChannelError("malformed frame")
        end = _HEADER.size + length
        if len(self._inbox) < end:
            return None
        payload = bytes(self._inbox[_HEADER.size : end])
        del self._inbox[:end]
        return Kind(kind), payload

    def send(self, kind: Kind, payload: bytes, deadline: float) -> None:
        """Send a frame and all that was queued before it, by `deadline`."""
        self.queue(kind, payload)
        self.flush()
        while self._outbox:
            self._wait(select.POLLOUT, deadline)
            self.flush()

    def receive(self, deadline: float) -> Frame | None:
        """Return the next frame, or None at the end of the connection."""
        while (frame := self.take()) is None:
            self._wait(select.POLLIN, deadline)
            if not self.fill():
                return None
        return frame

    def finish(self) -> None:
        """Say that nothing more will be sent; the peer reads the end."""
        with contextlib.suppress(OSError):  # it may be gone already
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Leave the connection."""
        self._socket.close()

    def _wait(self, events: int, deadline: float) -> None:
        poller = select.poll()
        poller.register(self._socket, events)
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not poller.poll(max(1, int(remaining * 1000))):
            raise ChannelError("the peer is silent")
