"""What the runner tells the collector first: the protections that it found in force."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sandbox:
    """The protections that the runner found in force, read from the kernel."""

    seccomp: bool
    no_new_privs: bool
    capabilities: bool  # True: all dropped
    read_only_root: bool
    user_namespace: bool
    landlock_abi: int = 0


@dataclass(frozen=True)
class Hello:
    """First word of the runner."""

    version: int
    sandbox: Sandbox
    missing: tuple[str, ...] = ()  # protections that must be there and are not
