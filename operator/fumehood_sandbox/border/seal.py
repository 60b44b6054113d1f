"""What the collector tells the operator: which manifest to believe."""

from __future__ import annotations

from dataclasses import dataclass

from .claim import Fault


@dataclass(frozen=True)
class Seal:
    """The collector's termination message: which manifest to believe, or why there is none."""

    version: int
    uid: str
    attempt: int
    digest: str | None = None
    size: int | None = None
    fault: Fault | None = None
    detail: str | None = None
