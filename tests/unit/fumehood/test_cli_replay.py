"""`fumehood replay` on a cluster in memory."""

from __future__ import annotations

from typing import Any

import pytest

from fumehood.api.v1alpha1 import AnalysisJob
from fumehood.cli.replay import manifest
from fumehood.cli.replay import run as replay
from fumehood.errors import NotFound
from fumehood.kube import job_path
from fumehood.ports import Json
from unit.fumehood.builders import DIGEST, job_document
from unit.fumehood.fakes import FakeCluster

RESULT = {"manifest": {"uri": "s3://x/m", "digest": DIGEST, "complete": True}}
ENDED = {"phase": "Succeeded", "attempt": 1, "envVersion": "python-2026.11", "result": RESULT}
GOOD = {"job": "co2-trend", "uid": "u", "reproduced": True, "same": 1, "artifacts": [{"name": "trend.png", "verdict": "Same"}]}
BAD = {
    "job": "co2-trend",
    "uid": "u",
    "reproduced": False,
    "same": 1,
    "different": 1,
    "artifacts": [
        {"name": "table.csv", "verdict": "Different", "reason": "10 bytes then, 11 now"},
        {"name": "trend.png", "verdict": "Same"},
    ],
    "reasons": ["the seed was 7, and is none"],
}


class Naming(FakeCluster):
    """Completes names as the API server does, and ends each new job at once as it is told."""

    def __init__(self, status: Json) -> None:
        super().__init__()
        self.status = status

    async def create(self, path: str, body: Json) -> Json:
        metadata = body["metadata"]
        created = await super().create(path, body | {"metadata": metadata | {"name": metadata["generateName"] + "abcde"}})
        self.change(f"{path}/{created['metadata']['name']}", {"status": self.status})
        return created


def cluster(status: Json, original: Json | None = None, **spec: Any) -> Naming:
    found = Naming(status)
    found.seed(job_path("lab", "co2-trend"), job_document(ENDED if original is None else original, **spec))
    return found


async def run(one: Naming, *, wait: bool = True) -> int:
    return await replay(one, "lab", "co2-trend", wait, 0.0)


async def test_a_reproduction(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(cluster(ENDED | {"replay": GOOD})) == 0
    out, err = capsys.readouterr()
    assert err == "created lab/co2-trend-replay-abcde in environment python@2026.11\n"
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "artifact verdict how",
        "trend.png Same",
        "reproduced: 1 of 1 artifacts of co2-trend are the same",
    ]


async def test_a_difference(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(cluster(ENDED | {"replay": BAD})) == 1
    out = capsys.readouterr().out
    assert "table.csv Different 10 bytes then, 11 now" in " ".join(out.split())
    assert "- the seed was 7, and is none\nNOT reproduced: 1 of 2 artifacts of co2-trend are the same\n" in out


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"phase": "Failed", "failure": {"category": "DEPENDENCY_ERROR", "reason": "InputMissing", "message": "gone"}}, 2),
        ({"phase": "Failed", "failure": {"category": "INTERNAL_ERROR", "reason": "PodLost"}, "replay": BAD}, 2),
        ({"phase": "Running"}, 2),
        ({}, 2),
    ],
)
async def test_a_replay_that_failed_tells_nothing_of_the_result(status: Json, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(cluster(status)) == code
    err = capsys.readouterr().err
    assert "not over after 0 s" in err if status.get("phase") != "Failed" else status["failure"]["reason"] in err


async def test_a_failure_can_be_reproduced_like_a_success() -> None:
    failed = ENDED | {"phase": "Failed", "failure": {"category": "USER_CODE_ERROR", "reason": "NonZeroExit"}}
    assert await run(cluster(failed | {"replay": GOOD}, failed)) == 0
    assert await run(cluster(failed | {"replay": BAD}, failed)) == 1


async def test_it_repeats_the_spec_in_the_version_that_was_used() -> None:
    given = {"seed": 7, "args": ["a"], "cache": "Reuse", "ttlSecondsAfterFinished": 1, "environment": "python", "parameters": {"b": None}}
    one = cluster(ENDED | {"replay": GOOD}, **given)
    await run(one)
    created = one.objects[job_path("lab", "co2-trend-replay-abcde")]
    assert created["spec"] == {
        "schemaVersion": "1.0",
        "environment": "python@2026.11",
        "source": {"entrypoint": "main.py", "files": {"main.py": "print(1)"}},
        "seed": 7,
        "args": ["a"],
        "parameters": {"b": None},
        "cache": "Off",
        "replayOf": "co2-trend",
    }
    AnalysisJob.model_validate(created)


@pytest.mark.parametrize(
    ("environment", "version", "pinned"), [("r@1", "r-1", "r@1"), ("a-b", "a-b-2026.8", "a-b@2026.8"), ("x", "7", "x@7")]
)
def test_environments_are_pinned_by_name_and_version(environment: str, version: str, pinned: str) -> None:
    document = job_document(ENDED | {"envVersion": version}, environment=environment)
    assert manifest(document)["spec"]["environment"] == pinned


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({}, "lab/co2-trend is not over yet (phase unknown)"),
        ({"phase": "Running"}, "lab/co2-trend is not over yet (phase Running)"),
        ({"phase": "Failed"}, "lab/co2-trend (Failed) has left no result to compare with"),
    ],
)
async def test_what_cannot_be_repeated_makes_no_job(status: Json, said: str) -> None:
    one = cluster(ENDED, status)
    with pytest.raises(ValueError, match="^" + said.replace("(", r"\(").replace(")", r"\)") + "$"):
        await run(one)
    assert one.writes == []


async def test_a_job_that_is_not_there() -> None:
    with pytest.raises(NotFound):
        await replay(Naming({}), "lab", "none", True, 0.0)


async def test_without_waiting_its_name_is_all_that_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(cluster({}), wait=False) == 0
    assert capsys.readouterr().out == "co2-trend-replay-abcde\n"


def test_a_long_name_leaves_room_for_what_tells_replays_apart() -> None:
    document = job_document(ENDED, {"name": "x" * 39 + "." + "y" * 100})
    assert manifest(document)["metadata"]["generateName"] == "x" * 39 + "-replay-"
