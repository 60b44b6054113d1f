from __future__ import annotations

from datetime import timedelta

import pytest

from fumehood.api.v1alpha1 import AnalysisJob
from fumehood.readings import Readings
from unit.fumehood.builders import job_document
from unit.fumehood.fakes import FakeClock

KEY = ("lab", "co2-trend")


def a_job(version: str = "7") -> AnalysisJob:
    return AnalysisJob.model_validate(job_document(metadata={"resourceVersion": version}))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def readings(clock: FakeClock) -> Readings:
    made = Readings(clock, timedelta(seconds=300))
    with made.take(KEY) as reading:
        assert reading.job is None
        reading.job = a_job()
    return made


def taken(readings: Readings) -> AnalysisJob | None:
    with readings.take(KEY) as reading:
        return reading.job


def test_what_is_put_back_is_lent_again(readings: Readings) -> None:
    assert taken(readings) == a_job()
    assert taken(readings) == a_job()


def test_what_is_taken_out_is_gone(readings: Readings) -> None:
    with readings.take(KEY) as reading:
        reading.job = None
    assert len(readings) == 0


def test_a_failure_makes_the_next_one_read_anew(readings: Readings) -> None:
    with pytest.raises(ZeroDivisionError), readings.take(KEY):
        raise ZeroDivisionError
    assert taken(readings) is None


def test_a_change_that_a_watch_tells_of_makes_the_next_one_read_anew(readings: Readings) -> None:
    assert readings.changed(KEY, "8")
    assert taken(readings) is None


def test_a_version_that_is_known_is_no_change(readings: Readings) -> None:
    assert not readings.changed(KEY, "7")
    assert taken(readings) == a_job()


def test_a_change_during_the_work_keeps_nothing_that_was_read_before(readings: Readings) -> None:
    with readings.take(KEY) as reading:
        assert readings.changed(KEY, "8")
        reading.job = a_job()
    assert taken(readings) is None


def test_our_own_write_is_kept_even_if_the_watch_was_quicker_than_the_answer(readings: Readings) -> None:
    with readings.take(KEY) as reading:
        assert readings.changed(KEY, "8")
        reading.job = a_job("8")
    assert taken(readings) == a_job("8")


def test_a_job_that_is_deleted_during_the_work_is_not_kept(readings: Readings) -> None:
    with readings.take(KEY) as reading:
        readings.changed(KEY, None)
        reading.job = a_job()
    assert len(readings) == 0


def test_a_reading_ends_since_a_watch_can_be_silent(readings: Readings, clock: FakeClock) -> None:
    clock.pass_(299)
    assert taken(readings) == a_job()
    clock.pass_(1)
    assert taken(readings) is None
