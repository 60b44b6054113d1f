"""Any program: a script with an interpreter line or a binary of the environment, through its shell."""

from __future__ import annotations

from fumehood_sandbox import wire

from ..ports import Adapter


class CommandAdapter:
    """`sh entrypoint args…`: staged files are not executable, so the shell reads them."""

    def execute(self, entrypoint: str, args: tuple[str, ...]) -> wire.Command:
        """See `ports.Adapter`."""
        return wire.Command(("sh", entrypoint, *args), {})


ADAPTER: Adapter = CommandAdapter()
