"""A job's limits from three sources: its own wish, the environment's default, ours; never above the maximum."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pydantic.alias_generators import to_camel

from fumehood_sandbox import wire

from ..api.v1alpha1 import Evidence, Limits
from .failures import Reason, Refused
from .quantities import parse_duration, parse_quantity

DEFAULTS = Limits(
    wall_clock="5m", cpu_time="5m", cpu="1", memory="512Mi", disk="256Mi", output="1Mi", artifacts=100, artifact_bytes="256Mi"
)
MAXIMUMS = Limits(
    wall_clock="24h", cpu_time="96h", cpu="16", memory="64Gi", disk="64Gi", output="16Mi", artifacts=5000, artifact_bytes="64Gi"
)
_DURATIONS = ("wall_clock", "cpu_time")
_SIZES = ("memory", "disk")  # "500m" of them is half a byte
_MAY_BE_ZERO = ("artifacts", "artifact_bytes", "output")


@dataclass(frozen=True)
class Granted:
    """Limits of one attempt: what the sandbox enforces, and the cores that the Pod gets."""

    enforced: wire.Limits
    cpu: Decimal


def grant(wish: Limits, defaults: Limits, maximums: Limits) -> Granted:
    """Return the limits that hold for a job.

    Raises:
        Refused: a wish is above the environment's maximum, or no number of its kind.
    """
    value = {name: _grant(name, wish, defaults, maximums) for name in Limits.model_fields}
    return Granted(
        enforced=wire.Limits(
            wall_clock=float(value["wall_clock"]),
            cpu_time=float(value["cpu_time"]),
            memory=int(value["memory"]),
            disk=int(value["disk"]),
            output=int(value["output"]),
            artifacts=int(value["artifacts"]),
            artifact_bytes=int(value["artifact_bytes"]),
        ),
        cpu=value["cpu"],
    )


def _grant(name: str, wish: Limits, defaults: Limits, maximums: Limits) -> Decimal:
    ceiling = _first(name, maximums, MAXIMUMS)
    wished = getattr(wish, name)
    if wished is None:
        # A default above a lowered maximum is the administrator's slip: the maximum holds.
        return min(_number(name, _first(name, defaults, DEFAULTS)), _number(name, ceiling))
    number = _number(name, wished)
    if number > _number(name, ceiling):
        field = to_camel(name)
        raise Refused(
            Reason.LIMIT_ABOVE_MAXIMUM,
            f"spec.limits.{field}: {wished} is more than the {ceiling} that this environment allows",
            Evidence(limit=field, allowed=str(ceiling), measured=str(wished)),
        )
    if name not in _MAY_BE_ZERO and (number <= 0 or (name in _SIZES and number < 1)):
        raise Refused(Reason.SPEC_INVALID, f"spec.limits.{to_camel(name)}: {wished} leaves nothing to run with; give more than zero")
    return number


def _first(name: str, *sources: Limits) -> int | str:
    found: int | str = next(value for source in sources if (value := getattr(source, name)) is not None)
    return found


def _number(name: str, value: int | str) -> Decimal:
    return Decimal(str(parse_duration(str(value)))) if name in _DURATIONS else parse_quantity(value)
