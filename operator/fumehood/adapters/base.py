"""What most adapters have in common: nothing but a command."""

from __future__ import annotations

from collections.abc import Mapping

from fumehood_sandbox import wire

from ..core.program import Diagnosis, Ended, Program


def as_path(entrypoint: str) -> str:
    """Return an entrypoint as no interpreter takes it for an option."""
    return f"./{entrypoint}" if entrypoint.startswith("-") else entrypoint


def previews(program: Program) -> str:
    """Return the limits that previews must not come near, as drivers read them: WALL,CPU,MEMORY,FILES,DISK in seconds and bytes.

    Empty if none are made: nobody wants them, or nobody knows the limits.
    """
    limits = program.limits
    if not program.previews or limits is None or limits.processes <= 1:
        return ""
    return f"{limits.wall_clock:g},{limits.cpu_time:g},{limits.memory},{limits.files},{limits.disk}"


class PlainAdapter:
    """All of `ports.Adapter` but `execute`; override what a language needs."""

    def prepare(self, program: Program) -> Mapping[str, str]:
        """See `ports.Adapter`: no files."""
        return {}

    def collect_outputs(self, program: Program) -> tuple[wire.OutputRule, ...]:
        """See `ports.Adapter`: everything."""
        return ()

    def cleanup(self, program: Program) -> tuple[str, ...]:
        """See `ports.Adapter`: nothing."""
        return ()

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """See `ports.Adapter`: no idea."""
        return None
