from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood.api import crd
from fumehood.api.conditions import ConditionType, set_condition
from fumehood.api.v1alpha1 import AnalysisJobStatus, Phase
from fumehood.core import classify, status
from fumehood.core.failures import Failure, Reason
from fumehood_sandbox import wire
from unit.fumehood.builders import DIGEST, NOW, UID, artifact, at, claim, job, log, manifest, sandbox

SCHEMA = crd.structural(AnalysisJobStatus)
KEY = f"lab/{UID}/1/manifest.json"


def finished(one: wire.Manifest | None = None, failure: Failure | None = None, **kwargs: Any) -> AnalysisJobStatus:
    found = status.result(one, DIGEST, "fumehood", KEY) if one else None
    return status.final(job(**kwargs), at(3), failure, False, sandbox(), one, found)


def stored(new: AnalysisJobStatus) -> dict[str, Any]:
    """Return `new` as the API server keeps it: a merge patch takes what is null away."""

    def without_null(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: without_null(item) for key, item in value.items() if item is not None}
        return value

    document: dict[str, Any] = without_null(json.loads(json.dumps(status.document(new))))
    return document


def conditions(new: AnalysisJobStatus) -> dict[str, tuple[str, str]]:
    return {condition.type: (condition.status.value, condition.reason) for condition in new.conditions}


def test_a_job_that_went_well() -> None:
    new = finished(manifest())
    assert new.phase is Phase.SUCCEEDED
    assert conditions(new) == {
        "Finished": ("True", "Completed"),
        "Succeeded": ("True", "Completed"),
        "ArtifactsComplete": ("True", "Sealed"),
    }
    assert new.failure is None
    assert new.result is not None
    assert new.result.artifacts[0].uri == f"s3://fumehood/lab/{UID}/1/sha256/{'a' * 64}"
    assert new.durations is not None
    assert new.durations.model_dump() == {"queue": "2.00s", "start": "1.00s", "run": "1.50s", "harvest": "0.25s", "total": "5.00s"}
    assert new.sandbox is not None
    assert (new.sandbox.level, new.sandbox.landlock_abi) == ("userns", 7)


def test_a_job_that_failed_says_so_twice_for_people_and_for_programs() -> None:
    new = finished(
        manifest(complete=False, rejected=(wire.Rejected("x\x1b", wire.Rejection.SYMLINK),), rejections=3),
        Failure(Reason.NON_ZERO_EXIT, "code 1"),
    )
    assert new.phase is Phase.FAILED
    assert conditions(new)["Succeeded"] == ("False", "NonZeroExit")
    assert conditions(new)["ArtifactsComplete"] == ("False", "Partial")
    assert new.failure is not None
    assert (new.failure.category, new.failure.message) == ("USER_CODE_ERROR", "code 1")
    assert "3 entries of /outputs were refused: x\ufffd (Symlink)" in new.conditions[-1].message


def test_a_cancelled_job_has_no_failure_but_keeps_its_result() -> None:
    new = status.final(job(), NOW, None, True, sandbox(), manifest(), status.result(manifest(), DIGEST, "fumehood", KEY))
    assert (new.phase, new.failure) == (Phase.CANCELLED, None)
    assert new.result is not None
    assert conditions(new)["Succeeded"] == ("False", "Cancelled")


def test_a_thousand_artifacts_are_fifty_here_and_all_are_counted() -> None:
    many = tuple(artifact(f"{number}-{'ä' * 120}", size=3) for number in range(1000))
    failure = Failure(Reason.NON_ZERO_EXIT, "ä" * 9000)
    new = finished(manifest(artifacts=many, rejections=1000, rejected=(wire.Rejected("ö" * 120, wire.Rejection.SIZE),) * 100), failure)
    document = stored(new)
    assert len(document["result"]["artifacts"]) == 50
    assert document["result"]["artifactCount"] == 1000
    assert document["result"]["usage"]["artifactBytes"] == 3000
    assert len(document["failure"]["message"]) == 2048
    assert len(json.dumps(document, ensure_ascii=False).encode()) < 64 << 10


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(finished(manifest(stdout=log("x"), stderr=log("y"))), id="succeeded"),
        pytest.param(finished(manifest(sandbox=None), Failure(Reason.INTERNAL, "x" * 5000)), id="failed"),
        pytest.param(finished(None, Failure(Reason.POD_LOST, "")), id="lost"),
        pytest.param(status.final(job(), NOW, None, True), id="cancelled"),
        pytest.param(status.underway(job(), Phase.PENDING, NOW, None, None, None), id="pending"),
        pytest.param(status.underway(job(), Phase.RUNNING, NOW, 1, "v", NOW), id="running"),
    ],
)
def test_what_is_written_fits_the_schema(new: AnalysisJobStatus) -> None:
    jsonschema.validate(stored(new), SCHEMA)


WORDS = st.text(max_size=300)
CLAIMS = st.builds(
    claim,
    ending=st.sampled_from(wire.Ending),
    exit_code=st.none() | st.integers(-(2**62), 2**62),
    signal=st.none() | st.integers(-1, 99),
    breach=st.none()
    | st.builds(
        wire.Breach,
        st.sampled_from(wire.Limit),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    fault=st.none() | st.sampled_from(wire.Fault),
    detail=st.none() | WORDS,
    violations=st.dictionaries(WORDS, st.integers(0, 2**62), max_size=3),
    usage=st.builds(
        wire.Usage,
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(allow_nan=False, allow_infinity=False),
        st.integers(-(2**62), 2**62),
    ),
)


@settings(max_examples=40)
@given(CLAIMS, WORDS, st.sampled_from(["", "OOMKilled"]))
def test_no_claim_whatever_it_says_keeps_a_job_from_its_end(said: wire.Claim, tail: str, reason: str) -> None:
    from dataclasses import replace

    one = manifest(claim=said, stderr=log(tail))
    facts = sandbox(analysis=replace(sandbox().analysis, reason=reason), runtime_class="r" * 100)
    failure = classify.with_manifest(facts, one)
    new = status.final(job(), NOW, failure, False, facts, one, status.result(one, DIGEST, "fumehood", KEY))
    jsonschema.validate(stored(new), SCHEMA)
    assert len(json.dumps(stored(new), ensure_ascii=False).encode(errors="replace")) < 64 << 10


def test_the_generation_and_attempt_are_told() -> None:
    new = status.underway(job(metadata={"generation": 4}), Phase.STARTING, NOW, 1, "v1", NOW)
    assert (new.observed_generation, new.attempt, new.env_version) == (4, 1, "v1")
    assert all(condition.observed_generation == 4 for condition in new.conditions)
    assert new.times is not None
    assert (new.times.queued, new.times.started) == ("2026-11-01T11:59:58Z", "2026-11-01T12:00:00.000Z")


def test_what_was_known_is_kept_when_a_job_moves_on() -> None:
    first = status.document(status.underway(job(), Phase.STARTING, NOW, 1, "v1", NOW))
    later = status.underway(job(status=first), Phase.RUNNING, at(1), None, None, NOW)
    assert (later.attempt, later.env_version, later.phase) == (1, "v1", Phase.RUNNING)


def test_a_conditions_time_moves_only_with_its_status() -> None:
    kind = ConditionType.FINISHED
    one = set_condition((), kind, False, "A", "", "t1", 1)
    two = set_condition(one, kind, False, "B", "", "t2", 2)
    three = set_condition(two, kind, None, "C", "x" * 5000, "t3", 2)
    assert [(entry[0].reason, entry[0].last_transition_time) for entry in (one, two, three)] == [("A", "t1"), ("B", "t1"), ("C", "t3")]
    assert len(three) == 1
    assert len(three[0].message) == 2048


def test_the_schema_on_disk_is_the_one_tested_here() -> None:
    import yaml

    path = Path(__file__).parents[4] / "crds" / "analysisjobs.yaml"
    document = yaml.safe_load(path.read_text())
    properties = document["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    assert {key: value for key, value in properties["status"].items() if key != "description"} == {
        key: value for key, value in SCHEMA.items() if key != "description"
    }
