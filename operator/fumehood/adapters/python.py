"""Python programs: started by the environment's own interpreter."""

from __future__ import annotations

from fumehood_sandbox import wire

from ..ports import Adapter


class PythonAdapter:
    """`python3 entrypoint args…`, unbuffered, so that what was printed before a kill is seen."""

    def execute(self, entrypoint: str, args: tuple[str, ...]) -> wire.Command:
        """See `ports.Adapter`."""
        environment = {
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONHASHSEED": "0",
            "MPLBACKEND": "Agg",  # there is no display
        }
        return wire.Command(("python3", entrypoint, *args), environment)


ADAPTER: Adapter = PythonAdapter()
