"""Python programs: started by the environment's own interpreter."""

from __future__ import annotations

from fumehood_sandbox import wire

from ..core.program import Program
from ..ports import Adapter
from .base import PlainAdapter


class PythonAdapter(PlainAdapter):
    """`python3 entrypoint args…`, unbuffered, so that what was printed before a kill is seen."""

    def execute(self, program: Program) -> wire.Command:
        """See `ports.Adapter`."""
        environment = {
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": str(program.seed or 0),
            "MPLBACKEND": "Agg",  # there is no display
        }
        return wire.Command(("python3", program.entrypoint, *program.args), environment)


ADAPTER: Adapter = PythonAdapter()
