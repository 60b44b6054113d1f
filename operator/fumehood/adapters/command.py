"""Any program: a script for the environment's shell, or for whatever `spec.command` of the environment starts."""

from __future__ import annotations

from fumehood_sandbox import wire

from ..api.v1alpha1 import ENTRYPOINT
from ..core.program import Program
from ..ports import Adapter
from .base import PlainAdapter, as_path

SHELL = ("sh", ENTRYPOINT)


class CommandAdapter(PlainAdapter):
    """The environment's command, then the job's arguments: staged files are not executable, so something reads them."""

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        words = (as_path(program.entrypoint) if word == ENTRYPOINT else word for word in program.starter or SHELL)
        return wire.Command((*words, *program.args), {})


ADAPTER: Adapter = CommandAdapter()
