"""Answers refused system calls and counts them.

The hostile program waits in the kernel until its refused call is answered here,
so answers are given in every turn of the supervisor's loop, and at most
`TURN` of them: a program that does nothing else must not stop the clocks.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
from collections.abc import Mapping

from . import kernel

TURN = 64
UNKNOWN = "unknown"  # a call of which only the refusal is known
_RECEIVE = 0xC0502100  # SECCOMP_IOCTL_NOTIF_RECV
_SEND = 0xC0182101  # SECCOMP_IOCTL_NOTIF_SEND
_NOTIFICATION = struct.Struct("@QIIi")  # id, pid, flags, system call number
_RESPONSE = struct.Struct("@QqiI")  # id, value, error, flags


class Refusals:
    """The listening end of a counting filter; `calls` says the name and the error of each call that may come."""

    def __init__(self, descriptor: int, calls: Mapping[int, tuple[str, int]]) -> None:
        self._descriptor = descriptor
        self._calls = calls
        notification, response = kernel.seccomp_sizes()
        self._notification = max(notification, 80)
        self._response = max(response, _RESPONSE.size)
        self._poller = select.poll()
        self._poller.register(descriptor, select.POLLIN)
        self.counts: dict[str, int] = {}

    def fileno(self) -> int:
        """For select and poll."""
        return self._descriptor

    def answer(self) -> bool:
        """Answer what waits, at most TURN calls; False when no process is left under the filter."""
        for _ in range(TURN):
            ready = self._poller.poll(0)
            if not ready:
                return True
            if not ready[0][1] & select.POLLIN:
                return False
            self._answer_one()
        return True

    def close(self) -> None:
        """Answer no more: waiting calls fail with ENOSYS."""
        os.close(self._descriptor)

    def _answer_one(self) -> None:
        buffer = bytearray(self._notification)
        try:
            fcntl.ioctl(self._descriptor, _RECEIVE, buffer, True)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return  # the caller died meanwhile
            raise
        identity, _, _, number = _NOTIFICATION.unpack_from(buffer)
        name, code = self._calls.get(number, (UNKNOWN, errno.EPERM))
        self.counts[name] = self.counts.get(name, 0) + 1
        self._refuse(identity, code)

    def _refuse(self, identity: int, code: int) -> None:
        response = bytearray(self._response)
        _RESPONSE.pack_into(response, 0, identity, 0, -code, 0)
        try:
            fcntl.ioctl(self._descriptor, _SEND, response, True)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
