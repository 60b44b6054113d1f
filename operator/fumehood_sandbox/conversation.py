"""The collector's side of the conversation with the runner.

One connection is accepted and the listener is closed before the task is sent,
so nothing hostile can ever be the peer. What the peer says is a claim all the
same: bounded, decoded strictly, and replaced by "lost" if it makes no sense.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import time

from .border.bounds import MAX_FRAME, MAX_NAME
from .border.claim import Claim, Ending
from .border.hello import Hello
from .border.task import Task
from .codec import DecodeError, decode, encode
from .frames import Channel, ChannelError, Kind
from .logs import Logs

_HELLO = 10.0
_SLACK = 120.0  # beyond the wall clock: killing, reaping, reading what is left
_FAREWELL = 5.0
_SETTLE = 0.25
_MAX_DETAIL = 512
_MAX_VIOLATIONS = 64
LOST = Claim(Ending.RUNNER_LOST)


class Absent(Exception):
    """No runner called in time, or not one of this version."""


def listen(port: int) -> socket.socket:
    """Return a listening socket on the Pod's loopback."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1)
    return listener


def meet(listener: socket.socket, deadline: float) -> tuple[Channel, Hello]:
    """Accept the one runner, close the listener, and hear its first word.

    Raises:
        Absent: nobody came, or not a runner.
    """
    with listener:
        listener.settimeout(max(0.05, deadline - time.monotonic()))
        try:
            connection, _ = listener.accept()
        except OSError:
            raise Absent("no runner called in time") from None
    channel = Channel(connection)
    try:
        frame = channel.receive(time.monotonic() + _HELLO)
        if frame is None or frame[0] is not Kind.HELLO:
            raise Absent("the runner did not say hello")
        return channel, decode(Hello, frame[1], max_bytes=MAX_FRAME)
    except (ChannelError, DecodeError):
        raise Absent("the runner did not say hello") from None


def give(channel: Channel, task: Task) -> None:
    """Send the task. A runner that is gone is noticed by who follows."""
    with contextlib.suppress(ChannelError):
        channel.send(Kind.TASK, encode(task), time.monotonic() + _HELLO)


def follow(channel: Channel, wall_clock: float, logs: Logs) -> Claim:
    """Keep what the program prints, and return what the runner claims; LOST if it says nothing."""
    deadline = time.monotonic() + wall_clock + _SLACK
    try:
        while (frame := channel.receive(deadline)) is not None:
            kind, payload = frame
            if kind is Kind.CLAIM:
                return _bounded(decode(Claim, payload, max_bytes=MAX_FRAME))
            if kind not in (Kind.STDOUT, Kind.STDERR):
                break
            logs.add(kind, payload)
    except (ChannelError, DecodeError):
        pass
    _give_up(channel)
    return LOST


def dismiss(channel: Channel) -> None:
    """Tell the runner that it may go."""
    with contextlib.suppress(ChannelError):  # it may have gone already
        channel.send(Kind.ACK, b"", time.monotonic() + _FAREWELL)
    channel.close()


def _give_up(channel: Channel) -> None:
    """Make a runner that still lives end its program, and let what dies with a dead one be gone."""
    channel.finish()
    deadline = time.monotonic() + _FAREWELL
    # Silent, or not making sense: then the double reading of every file has to do.
    with contextlib.suppress(ChannelError):
        while channel.receive(deadline) is not None:
            pass
    time.sleep(_SETTLE)


def _bounded(claim: Claim) -> Claim:
    violations = sorted(claim.violations.items())[:_MAX_VIOLATIONS]
    return dataclasses.replace(
        claim,
        detail=claim.detail[:_MAX_DETAIL] if claim.detail is not None else None,
        violations={name[:MAX_NAME]: count for name, count in violations},
        started_at=_instant(claim.started_at),
        ended_at=_instant(claim.ended_at),
    )


def _instant(text: str | None) -> str | None:
    return text[:40] if text is not None else None
