from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fumehood.api.v1alpha1 import Limits
from fumehood.core.failures import Failure, Reason, Refused
from fumehood.core.limits import DEFAULTS, MAXIMUMS, grant

NONE = Limits()


def refused(wish: Limits, defaults: Limits = NONE, maximums: Limits = NONE) -> Failure:
    with pytest.raises(Refused) as caught:
        grant(wish, defaults, maximums)
    return caught.value.failure


def test_without_any_wish_the_operators_defaults_hold() -> None:
    granted = grant(NONE, NONE, NONE)
    limits = granted.enforced
    assert (limits.wall_clock, limits.cpu_time, granted.cpu) == (300.0, 300.0, Decimal(1))
    assert (limits.memory, limits.disk, limits.output) == (512 << 20, 256 << 20, 1 << 20)
    assert (limits.artifacts, limits.artifact_bytes) == (100, 256 << 20)


def test_the_environments_default_comes_before_ours_and_the_jobs_wish_before_both() -> None:
    defaults = Limits(memory="1Gi", cpu="2")
    granted = grant(Limits(cpu="500m"), defaults, NONE)
    assert (granted.enforced.memory, granted.cpu) == (1 << 30, Decimal("0.5"))


def test_a_default_above_a_lowered_maximum_gives_way_to_it() -> None:
    assert grant(NONE, Limits(wall_clock="2h"), Limits(wall_clock="10m")).enforced.wall_clock == 600


def test_the_maximum_itself_is_granted() -> None:
    assert grant(Limits(memory="1Gi"), NONE, Limits(memory="1024Mi")).enforced.memory == 1 << 30


@pytest.mark.parametrize(
    ("field", "camel", "wish", "maximum"),
    [
        ("wall_clock", "wallClock", "601s", "10m"),
        ("cpu_time", "cpuTime", "2h", "1h"),
        ("cpu", "cpu", "2001m", "2"),
        ("memory", "memory", "1025Mi", "1Gi"),
        ("disk", "disk", "2Gi", "1Gi"),
        ("output", "output", 2, 1),
        ("artifacts", "artifacts", 11, 10),
        ("artifact_bytes", "artifactBytes", "2k", 1999),
    ],
)
def test_a_wish_above_the_maximum_is_refused_by_name_with_both_values(field: str, camel: str, wish: Any, maximum: Any) -> None:
    failure = refused(Limits(**{field: wish}), NONE, Limits(**{field: maximum}))
    assert failure.reason is Reason.LIMIT_ABOVE_MAXIMUM
    assert (failure.evidence.limit, failure.evidence.allowed, failure.evidence.measured) == (camel, str(maximum), str(wish))
    assert f"spec.limits.{camel}" in failure.message


def test_without_the_environments_maximum_the_operators_holds() -> None:
    assert refused(Limits(memory="65Gi")).evidence.allowed == "64Gi"


@pytest.mark.parametrize("field", ["wall_clock", "cpu_time"])
def test_no_time_at_all_is_refused(field: str) -> None:
    assert refused(Limits(**{field: "0s"})).reason is Reason.SPEC_INVALID


@pytest.mark.parametrize(("field", "wish"), [("cpu", 0), ("memory", "0"), ("disk", "0Gi"), ("memory", "500m"), ("disk", "0.5")])
def test_less_than_the_least_is_refused(field: str, wish: Any) -> None:
    failure = refused(Limits(**{field: wish}))
    assert failure.reason is Reason.SPEC_INVALID
    assert f"spec.limits.{field}" in failure.message


@pytest.mark.parametrize("field", ["output", "artifacts", "artifact_bytes"])
def test_nothing_written_is_a_limit_one_may_ask_for(field: str) -> None:
    assert getattr(grant(Limits(**{field: 0}), NONE, NONE).enforced, field) == 0


def test_the_operators_defaults_are_within_its_maximums() -> None:
    assert grant(DEFAULTS, NONE, MAXIMUMS) == grant(NONE, NONE, NONE)
