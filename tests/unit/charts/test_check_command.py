"""`fumehood check`, which `helm test` runs: what it creates is a valid job, what it says is what came of it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fumehood.api.v1alpha1 import AnalysisJob
from fumehood.errors import Unavailable

check = importlib.import_module("fumehood.cli.check")  # its package has a command of the same name

RESULT = {"manifest": {"uri": "s3://b/k", "digest": "sha256:" + "0" * 64, "complete": True}, "artifactCount": 1}
SUCCEEDED = {"phase": "Succeeded", "result": RESULT, "durations": {"total": "1.20s"}}
FAILED = {"phase": "Failed", "failure": {"category": "VALIDATION_ERROR", "reason": "EnvironmentUnknown", "message": "there is none"}}


class Api:
    """A cluster that holds one job, whose status is the next of a list."""

    def __init__(self, *statuses: dict[str, Any]) -> None:
        self.statuses = list(statuses)
        self.created: dict[str, Any] = {}
        self.deleted: list[tuple[str, str | None]] = []

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        assert path.endswith("/namespaces/lab/analysisjobs")
        self.created = body | {"metadata": {"name": "fumehood-check-x", "namespace": "lab", "uid": "u-1"}}
        return self.created

    async def get(self, path: str) -> dict[str, Any]:
        if not self.statuses:
            raise Unavailable("gone")
        return self.created | {"status": self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]}

    async def delete(self, path: str, uid: str | None = None, grace: int | None = None) -> None:
        self.deleted.append((path.rsplit("/", 1)[-1], uid))

    async def replace(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        raise AssertionError("it has no right to")

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        raise AssertionError("it has no right to")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "INTERVAL", 0.0)


async def test_it_waits_for_the_end_and_cleans_up() -> None:
    api = Api({}, {"phase": "Starting"}, {"phase": "Running"}, SUCCEEDED)
    assert await check.run(api, "lab", "python", 300) == 0
    assert api.deleted == [("fumehood-check-x", "u-1")]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (FAILED, "VALIDATION_ERROR/EnvironmentUnknown: there is none"),
        ({}, "no operator took note"),
        ({"phase": "Starting"}, "not over after 0 s"),
        ({"phase": "Cancelled"}, ""),
        (SUCCEEDED | {"result": RESULT | {"artifactCount": 0}}, ""),
    ],
)
async def test_anything_else_is_a_failure_and_says_why(status: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    api = Api(status)
    assert await check.run(api, "lab", "python", 0) == 1
    assert said in capsys.readouterr().err
    assert api.deleted


async def test_it_cleans_up_when_the_api_server_fails() -> None:
    api = Api()
    with pytest.raises(Unavailable):
        await check.run(api, "lab", "python", 300)
    assert api.deleted


def test_the_job_is_valid() -> None:
    document = check.manifest("lab", "python")
    job = AnalysisJob.model_validate(document | {"metadata": document["metadata"] | {"name": "x"}})
    assert job.spec.ttl_seconds_after_finished


@pytest.mark.parametrize("interpreter", ["sh", sys.executable])
def test_the_program_runs_in_shell_and_python(interpreter: str, tmp_path: Path) -> None:
    program = tmp_path / "main"
    program.write_text(check.PROGRAM.replace("/outputs", str(tmp_path)))
    subprocess.run([interpreter, str(program)], check=True)
    assert (tmp_path / "answer.txt").read_text() == "42\n"
