"""What the runner tells the collector in the end: how it went."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from .limits import Breach


class Ending(enum.StrEnum):
    """How the hostile program ended."""

    EXITED = "Exited"  # by itself: see exit_code
    SIGNALLED = "Signalled"  # by a signal that the runner did not send: see signal
    LIMIT = "LimitExceeded"  # killed by the runner: see breach
    TERMINATED = "Terminated"  # the Pod was told to stop (cancellation, drain)
    NOT_STARTED = "NotStarted"  # staging failed or a protection is missing: see fault
    RUNNER_LOST = "RunnerLost"  # the collector heard no claim


class Fault(enum.StrEnum):
    """Why a program was not started, or could not be sealed."""

    SOURCE_MISSING = "SourceMissing"
    INPUT_MISSING = "InputMissing"
    INPUT_DIGEST = "InputDigestMismatch"
    INPUT_TOO_LARGE = "InputTooLarge"
    INPUT_UNAVAILABLE = "InputUnavailable"  # a web server's, not the store's
    STORE_UNREACHABLE = "StoreUnreachable"
    STORE_REFUSED = "StoreRefused"
    SANDBOX_UNAVAILABLE = "SandboxUnavailable"
    COMMAND_NOT_FOUND = "CommandNotFound"
    RUNNER_ABSENT = "RunnerAbsent"
    INTERNAL = "Internal"


@dataclass(frozen=True)
class Usage:
    """What the attempt consumed, as the kernel counted it."""

    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0


@dataclass(frozen=True)
class Claim:
    """What the runner says of the run. It shared a container with hostile code."""

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    breach: Breach | None = None
    fault: Fault | None = None
    detail: str | None = None
    violations: dict[str, int] = field(default_factory=dict)  # refused system call -> count
    usage: Usage = Usage()
    started_at: str | None = None
    ended_at: str | None = None
