"""A job's limits from three sources: its own wish, the environment's default, ours; never above the maximum."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pydantic.alias_generators import to_camel

from fumehood_sandbox import wire

from ..api.v1alpha1 import Evidence, Limits
from .failures import Reason, Refused
from .quantities import parse_duration, parse_quantity

# Two are not here: one file may fill the disk, and the harvest's time is the administrator's `deadlines.harvest`.
DEFAULTS = Limits(
    wall_clock="5m",
    cpu_time="5m",
    cpu="1",
    memory="512Mi",
    disk="256Mi",
    output="1Mi",
    processes=256,
    open_files=1024,
    files=10_000,
    artifacts=100,
    artifact_bytes="256Mi",
)
MAXIMUMS = Limits(
    wall_clock="24h",
    cpu_time="96h",
    cpu="16",
    memory="64Gi",
    disk="64Gi",
    output="16Mi",
    processes=4096,
    open_files=65_536,
    file_size="64Gi",
    files=200_000,
    artifacts=5000,
    artifact_bytes="64Gi",
    harvest="6h",
)
_DURATIONS = ("wall_clock", "cpu_time", "harvest")
_SIZES = ("memory", "disk")  # "500m" of them is half a byte
_MAY_BE_ZERO = ("artifacts", "artifact_bytes", "output", "files", "file_size")


@dataclass(frozen=True)
class Granted:
    """Limits of one attempt: what the sandbox enforces, the cores that the Pod gets, the seconds that the harvest may take."""

    enforced: wire.Limits
    cpu: Decimal
    harvest: float


def grant(wish: Limits, defaults: Limits, maximums: Limits, harvest: float) -> Granted:
    """Return the limits that hold for a job; `harvest` (seconds) holds if neither job nor environment says.

    Raises:
        Refused: a wish is above the environment's maximum, or some number leaves nothing to run with.
    """
    _check(wish, "spec.limits", Reason.SPEC_INVALID)
    _check(defaults, "the environment's spec.defaults", Reason.ENVIRONMENT_UNKNOWN)
    _check(maximums, "the environment's spec.maximums", Reason.ENVIRONMENT_UNKNOWN)
    ours = DEFAULTS.model_copy(update={"harvest": f"{harvest}s"})
    value = {name: _grant(name, wish, maximums, (defaults, ours)) for name in Limits.model_fields if name != "file_size"}
    disk = int(value["disk"])
    value["file_size"] = _grant("file_size", wish, maximums, (defaults, Limits(file_size=disk)))
    return Granted(
        enforced=wire.Limits(
            wall_clock=float(value["wall_clock"]),
            cpu_time=float(value["cpu_time"]),
            memory=int(value["memory"]),
            disk=disk,
            output=int(value["output"]),
            artifacts=int(value["artifacts"]),
            artifact_bytes=int(value["artifact_bytes"]),
            processes=int(value["processes"]),
            open_files=int(value["open_files"]),
            file_size=int(value["file_size"]),
            files=int(value["files"]),
        ),
        cpu=value["cpu"],
        harvest=float(value["harvest"]),
    )


def _check(limits: Limits, where: str, reason: Reason) -> None:
    """Refuse numbers with which no program could run."""
    for name, given in limits:
        if given is None or name in _MAY_BE_ZERO:
            continue
        number = _number(name, given)
        if number <= 0 or (name in _SIZES and number < 1):
            raise Refused(reason, f"{where}.{to_camel(name)}: {given} leaves nothing to run with; give more than zero")


def _grant(name: str, wish: Limits, maximums: Limits, defaults: tuple[Limits, ...]) -> Decimal:
    ceiling = _first(name, maximums, MAXIMUMS)
    wished = getattr(wish, name)
    if wished is None:
        # A default above a lowered maximum is the administrator's slip: the maximum holds.
        return min(_number(name, _first(name, *defaults)), _number(name, ceiling))
    number = _number(name, wished)
    if number > _number(name, ceiling):
        field = to_camel(name)
        raise Refused(
            Reason.LIMIT_ABOVE_MAXIMUM,
            f"spec.limits.{field}: {wished} is more than the {ceiling} that this environment allows",
            Evidence(limit=field, allowed=str(ceiling), measured=str(wished)),
        )
    return number


def _first(name: str, *sources: Limits) -> int | str:
    found: int | str = next(value for source in sources if (value := getattr(source, name)) is not None)
    return found


def _number(name: str, value: int | str) -> Decimal:
    return Decimal(str(parse_duration(str(value)))) if name in _DURATIONS else parse_quantity(value)
