"""Levels of isolation that attacks are tried at, and what makes an environment one of them (pure)."""

from __future__ import annotations

import enum
from typing import Any


class Level(enum.StrEnum):
    """Where jobs run: a container, one with a user namespace of its own, or a kernel of its own."""

    RUNC = "runc"
    USERNS = "userns"
    GVISOR = "gvisor"


# Merged over the spec of an environment; null takes a field away.
CHANGES: dict[Level, dict[str, Any]] = {
    Level.RUNC: {"runtimeClassName": None, "userNamespaces": "Off"},
    Level.USERNS: {"runtimeClassName": None, "userNamespaces": "Required"},
    Level.GVISOR: {"runtimeClassName": "gvisor", "userNamespaces": "Auto"},
}
