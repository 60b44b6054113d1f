"""Any program: a script with an interpreter line or a binary of the environment, through its shell."""

from __future__ import annotations

from fumehood_sandbox import wire

from ..core.program import Program
from ..ports import Adapter
from .base import PlainAdapter


class CommandAdapter(PlainAdapter):
    """`sh entrypoint args…`: staged files are not executable, so the shell reads them."""

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        script = f"./{program.entrypoint}" if program.entrypoint.startswith("-") else program.entrypoint
        return wire.Command(("sh", script, *program.args), {})


ADAPTER: Adapter = CommandAdapter()
