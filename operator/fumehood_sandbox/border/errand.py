"""What the operator asks a probe of the network, and what the probe has seen."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Protocol(enum.StrEnum):
    """How a target is asked: a TCP connection, or a DNS query that wants an answer."""

    TCP = "TCP"
    DNS = "DNS"


@dataclass(frozen=True)
class Target:
    """Something in the network. `open`: whether it should be reached; None if either will do."""

    name: str
    address: str
    port: int
    protocol: Protocol = Protocol.TCP
    open: bool | None = False


@dataclass(frozen=True)
class Errand:
    """What a probe tries, round by round, until one is as it should be or `patience` is over.

    `timeout` bounds one round. Policies may be in force only a while after a Pod started.
    """

    version: int
    targets: tuple[Target, ...]
    timeout: float
    patience: float = 0.0


@dataclass(frozen=True)
class Sighting:
    """The probe's last round, in its termination message: the names of the targets that it reached."""

    version: int
    reached: tuple[str, ...]
    rounds: int
    seconds: float
