"""Plug-ins by entry point: only those that the settings name, and a broken one stops the start with its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from .core.failures import Reason, Refused
from .core.program import Description, Program
from .errors import SettingsError
from .ports import Adapter

ADAPTERS = "fumehood.adapters"


def load_adapters(allowed: tuple[str, ...]) -> Mapping[str, Adapter]:
    """Return the allowed adapters by name.

    Raises:
        SettingsError: one is not installed, or does not load.
    """
    found = {point.name: point for point in entry_points(group=ADAPTERS)}
    adapters: dict[str, Adapter] = {}
    for name in allowed:
        if name not in found:
            raise SettingsError(f"adapters: {name!r} is not installed; there are {', '.join(sorted(found)) or 'none'}")
        try:
            adapters[name] = found[name].load()
        except Exception as error:
            raise SettingsError(f"adapters: {name!r} ({found[name].value}) does not load: {type(error).__name__}: {error}") from error
    return adapters


def describer(name: str, adapters: Mapping[str, Adapter]) -> Callable[[Program], Description]:
    """Return how the adapter called `name` describes a program.

    Raises:
        Refused: this operator does not have it.
    """
    adapter = adapters.get(name)
    if adapter is None:
        raise Refused(Reason.ENVIRONMENT_UNKNOWN, f"spec.environment: it needs the adapter {name!r}, which this operator does not have")

    def describe(program: Program) -> Description:
        return Description(
            adapter=name,
            files=adapter.prepare(program),
            command=adapter.execute(program),
            preview=adapter.preview(program) if program.previews else None,
            outputs=adapter.collect_outputs(program),
            ignored=adapter.cleanup(program),
        )

    return describe
