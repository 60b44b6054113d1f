"""What most adapters have in common: nothing but a command."""

from __future__ import annotations

from collections.abc import Mapping

from fumehood_sandbox import wire

from ..core.program import Diagnosis, Ended, Program


def as_path(entrypoint: str) -> str:
    """Return an entrypoint as no interpreter takes it for an option."""
    return f"./{entrypoint}" if entrypoint.startswith("-") else entrypoint


def preview_command(program: Program, *words: str, **variables: str) -> wire.Command | None:
    """Return the command `words FILES DISK`: how many files and bytes there may be below all writable folders.

    None if nobody knows.
    """
    limits = program.limits
    return wire.Command((*words, str(limits.files), str(limits.disk)), variables) if limits else None


class PlainAdapter:
    """All of `ports.Adapter` but `execute`; override what a language needs."""

    def prepare(self, program: Program) -> Mapping[str, str]:
        """See `ports.Adapter`: no files."""
        return {}

    def preview(self, program: Program) -> wire.Command | None:
        """See `ports.Adapter`: none."""
        return None

    def collect_outputs(self, program: Program) -> tuple[wire.OutputRule, ...]:
        """See `ports.Adapter`: everything."""
        return ()

    def cleanup(self, program: Program) -> tuple[str, ...]:
        """See `ports.Adapter`: nothing."""
        return ()

    def diagnose(self, ended: Ended) -> Diagnosis | None:
        """See `ports.Adapter`: no idea."""
        return None
