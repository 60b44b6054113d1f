"""What the collector tells the runner: the part of the order that it needs."""

from __future__ import annotations

from dataclasses import dataclass

from .limits import Limits


@dataclass(frozen=True)
class Command:
    """What the hostile program is: executed in WORK with this environment and no other."""

    argv: tuple[str, ...]
    env: dict[str, str]


@dataclass(frozen=True)
class Task:
    """The part of the order that the runner needs."""

    command: Command
    limits: Limits
    egress: bool = False
    record_violations: bool = False
    preview: Command | None = None  # run once the program is gone, within what it left of its limits
