from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from fumehood.api.v1alpha1 import Limits
from fumehood.core.failures import Failure, Reason, Refused
from fumehood.core.limits import DEFAULTS, MAXIMUMS, Granted, grant

NONE = Limits()


def given(wish: Limits, defaults: Limits, maximums: Limits) -> Granted:
    return grant(wish, defaults, maximums, harvest=300.0)


def refused(wish: Limits, defaults: Limits = NONE, maximums: Limits = NONE) -> Failure:
    with pytest.raises(Refused) as caught:
        given(wish, defaults, maximums)
    return caught.value.failure


def test_without_any_wish_the_operators_defaults_hold() -> None:
    granted = given(NONE, NONE, NONE)
    limits = granted.enforced
    assert (limits.wall_clock, limits.cpu_time, granted.cpu) == (300.0, 300.0, Decimal(1))
    assert (limits.memory, limits.disk, limits.output) == (512 << 20, 256 << 20, 1 << 20)
    assert (limits.artifacts, limits.artifact_bytes) == (100, 256 << 20)
    assert (limits.processes, limits.open_files, limits.files, granted.harvest) == (256, 1024, 10_000, 300.0)


def test_the_environments_default_comes_before_ours_and_the_jobs_wish_before_both() -> None:
    defaults = Limits(memory="1Gi", cpu="2")
    granted = given(Limits(cpu="500m"), defaults, NONE)
    assert (granted.enforced.memory, granted.cpu) == (1 << 30, Decimal("0.5"))


def test_a_default_above_a_lowered_maximum_gives_way_to_it() -> None:
    assert given(NONE, Limits(wall_clock="2h"), Limits(wall_clock="10m")).enforced.wall_clock == 600


def test_the_maximum_itself_is_granted() -> None:
    assert given(Limits(memory="1Gi"), NONE, Limits(memory="1024Mi")).enforced.memory == 1 << 30


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
        ("processes", "processes", 65, 64),
        ("open_files", "openFiles", 257, 256),
        ("file_size", "fileSize", "2Gi", "1Gi"),
        ("files", "files", 1001, 1000),
        ("harvest", "harvest", "11m", "10m"),
    ],
)
def test_a_wish_above_the_maximum_is_refused_by_name_with_both_values(field: str, camel: str, wish: Any, maximum: Any) -> None:
    failure = refused(Limits(**{field: wish}), NONE, Limits(**{field: maximum}))
    assert failure.reason is Reason.LIMIT_ABOVE_MAXIMUM
    assert (failure.evidence.limit, failure.evidence.allowed, failure.evidence.measured) == (camel, str(maximum), str(wish))
    assert f"spec.limits.{camel}" in failure.message


def test_without_the_environments_maximum_the_operators_holds() -> None:
    assert refused(Limits(memory="65Gi")).evidence.allowed == "64Gi"


@pytest.mark.parametrize("field", ["wall_clock", "cpu_time", "harvest"])
def test_no_time_at_all_is_refused(field: str) -> None:
    assert refused(Limits(**{field: "0s"})).reason is Reason.SPEC_INVALID


@pytest.mark.parametrize(("field", "wish"), [("cpu", 0), ("memory", "0"), ("disk", "0Gi"), ("memory", "500m"), ("disk", "0.5")])
def test_less_than_the_least_is_refused(field: str, wish: Any) -> None:
    failure = refused(Limits(**{field: wish}))
    assert failure.reason is Reason.SPEC_INVALID
    assert f"spec.limits.{field}" in failure.message


@pytest.mark.parametrize("field", ["output", "artifacts", "artifact_bytes", "files", "file_size"])
def test_nothing_written_is_a_limit_one_may_ask_for(field: str) -> None:
    assert getattr(given(Limits(**{field: 0}), NONE, NONE).enforced, field) == 0


def test_the_operators_defaults_are_within_its_maximums() -> None:
    assert given(DEFAULTS, NONE, MAXIMUMS) == given(NONE, NONE, NONE)


def test_one_file_may_fill_the_disk_unless_something_else_is_said() -> None:
    assert given(Limits(disk="2Gi"), NONE, NONE).enforced.file_size == 2 << 30
    assert given(Limits(disk="2Gi"), Limits(file_size="1Mi"), NONE).enforced.file_size == 1 << 20
    assert given(Limits(disk="2Gi"), NONE, Limits(file_size="1Gi")).enforced.file_size == 1 << 30
    assert given(Limits(file_size="3Gi"), NONE, NONE).enforced.file_size == 3 << 30


def test_the_environments_harvest_comes_before_the_administrators_setting() -> None:
    assert given(NONE, Limits(harvest="90s"), NONE).harvest == 90
    assert given(Limits(harvest="1m"), Limits(harvest="90s"), NONE).harvest == 60


@pytest.mark.parametrize(
    ("field", "value"), [("wall_clock", "0s"), ("cpu_time", "0ms"), ("cpu", 0), ("memory", "0Mi"), ("disk", "500m"), ("harvest", "0s")]
)
@pytest.mark.parametrize("place", ["defaults", "maximums"])
def test_an_environment_that_leaves_nothing_is_refused_by_name_even_if_the_job_has_a_wish(field: str, value: Any, place: str) -> None:
    failure = refused(Limits(wall_clock="1s", memory="1Mi"), **{place: Limits(**{field: value})})
    assert failure.reason is Reason.ENVIRONMENT_UNKNOWN
    camel = "".join(part.capitalize() if at else part for at, part in enumerate(field.split("_")))
    assert failure.message == f"the environment's spec.{place}.{camel}: {value} leaves nothing to run with; give more than zero"
