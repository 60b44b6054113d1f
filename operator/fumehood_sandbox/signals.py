"""The runner's signals: which it takes, and which of them it believes.

The program has the runner's UID and may signal it; only the sender that the
kernel reports tells the kubelet's SIGTERM from a forged one. As process 1 of a
PID namespace, a sender from outside has the number 0, which is also what
getppid() says there.
"""

from __future__ import annotations

import os
import signal
import struct
from dataclasses import dataclass

from . import kernel

_RECORD = 130  # one struct signalfd_siginfo, and the two bytes that gVisor adds to it
_TURN = 16  # records read at once
_HEAD = struct.Struct("@IiiI")  # signal, errno, code, sender
_SENT_BY_KILL = 0  # SI_USER: other codes (F_SETSIG) carry no sender, which would read as 0
_TAKEN = {signal.SIGTERM, signal.SIGCHLD}


@dataclass(frozen=True)
class Signals:
    """Blocked signals, to be read from a descriptor."""

    descriptor: int

    def fileno(self) -> int:
        """For select and poll."""
        return self.descriptor

    def terminated(self) -> bool:
        """Read what waits; whether a genuine request to end was among it."""
        genuine = False
        for _ in range(_TURN):
            try:
                number, _errno, code, sender = _HEAD.unpack_from(os.read(self.descriptor, _RECORD))
            except BlockingIOError:
                break
            genuine |= number == signal.SIGTERM and code == _SENT_BY_KILL and sender == os.getppid()
        return genuine


def take() -> Signals:
    """Block SIGTERM and SIGCHLD, and leave SIGINT to the kernel.

    A handler would make process 1 mortal: CPython installs one for SIGINT.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)
    return Signals(kernel.signalfd(_TAKEN))


def restore() -> None:
    """Give a child the signals that any program starts with."""
    for number in signal.valid_signals():
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
