"""A verdict of the corpus: whatever differs from what is expected is a fault, and nothing else is."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fumehood.api.v1alpha1 import AnalysisJobStatus
from fumehood.selftest.cases import CaseFile, Expectation, expectation
from fumehood.selftest.judge import Observation, faults
from fumehood.selftest.levels import Level
from fumehood_sandbox import wire

DIGEST = "sha256:" + "a" * 64
KEY = "lab/u/1/sha256/" + "a" * 64
GOOD = wire.Artifact("good.txt", "export", "text", "text/plain", DIGEST, 4, KEY)
TIMES = wire.Times("2026-01-01T00:00:00Z")
MANIFEST = wire.Manifest(
    version=1,
    subject=wire.Subject("lab", "x", "u", 1),
    environment="python",
    env_version="1",
    complete=False,
    claim=wire.Claim(wire.Ending.EXITED, exit_code=3),
    times=TIMES,
    artifacts=(GOOD,),
    rejected=(wire.Rejected("d/link", wire.Rejection.SYMLINK, escape=True),),
)
FAILURE = {
    "category": "SANDBOX_VIOLATION",
    "reason": "SystemCallRefused",
    "message": "it tried: socket (2×)",
    "evidence": {"systemCalls": {"socket": 2}, "exitCode": 3, "limit": "disk", "allowed": "1 MiB", "measured": "2 MiB"},
}


def seen(failure: dict[str, Any] | None = None, **fields: Any) -> Observation:
    failure = FAILURE | (failure or {})
    artifact = {
        "name": "good.txt",
        "kind": "export",
        "format": "text",
        "digest": DIGEST,
        "size": 4,
        "contentType": "text/plain",
        "uri": "s3://b/k",
    }
    status = {
        "phase": "Failed",
        "failure": failure,
        "sandbox": {"level": "runc", "landlockABI": 0},
        "result": {
            "manifest": {"uri": "s3://b/m", "digest": DIGEST, "complete": False},
            "artifacts": [artifact],
            "logs": {"stdout": {"uri": "s3://b/l", "digest": DIGEST, "size": 1, "truncated": True}},
        },
    }
    return Observation(AnalysisJobStatus.model_validate(status), **({"manifest": MANIFEST, "stdout": b"hello\n", "stderr": b""} | fields))


def expected(**fields: Any) -> Expectation:
    return Expectation.model_validate({"verdict": "SANDBOX_VIOLATION/SystemCallRefused"} | fields)


MET: dict[str, Any] = {
    "verdict": ["Succeeded", "SANDBOX_VIOLATION/SystemCallRefused"],
    "artifacts": ["*.txt"],
    "rejected": {"d/*": ["Symlink", "HardLink"]},
    "formats": {"good.txt": "text"},
    "active": [],
    "complete": False,
    "calls": "socket",
    "limit": "disk",
    "exitCode": 3,
    "prints": "hello",
    "message": "it tried",
    "never": "root:x",
    "hidden": "hunter2",
    "truncated": True,
}
MISSED: dict[str, Any] = {
    "verdict": "Succeeded",
    "artifacts": ["*.txt", "*.png"],
    "rejected": {"d/*": "HardLink"},
    "formats": {"good.txt": "png"},
    "active": ["good.txt"],
    "complete": True,
    "calls": ["socket", "ptrace"],
    "limit": "files",
    "exitCode": 0,
    "prints": "goodbye",
    "message": "it failed",
    "never": "hello",
    "hidden": "2×",
    "truncated": False,
}


def test_what_is_expected_is_no_fault() -> None:
    assert faults(expected(**MET), seen(), Level.RUNC) == []


@pytest.mark.parametrize("field", MISSED)
def test_each_difference_is_one_fault(field: str) -> None:
    assert set(MISSED) == {info.alias or name for name, info in Expectation.model_fields.items()}
    found = faults(expected(**MET | {field: MISSED[field]}), seen(), Level.RUNC)
    assert len(found) == 1, found


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (seen(stdout=b"ESCAPED a file"), "stdout holds 'ESCAPED'"),
        (seen(stdout=b"BROKEN TypeError"), "stdout holds 'BROKEN'"),
        (seen(contents={"a.txt": b"ESCAPED"}), "artifact 'a.txt' holds 'ESCAPED'"),
        (seen({"message": "in /opt/fumehood/lib"}), "status holds '/opt/fumehood'"),
        (seen({"message": "X-Amz-Signature=0123456789abcdef"}), "holds a signature"),
        (seen({"message": "\x1b[2J"}), "steers a terminal"),
        (seen(manifest=dataclasses.replace(MANIFEST, artifacts=(GOOD, GOOD))), "twice"),
        (seen(manifest=dataclasses.replace(MANIFEST, artifacts=(dataclasses.replace(GOOD, key="lab/good.txt"),))), "key"),
    ],
)
def test_what_holds_for_every_case(observed: Observation, said: str) -> None:
    (fault,) = faults(expected(), observed, None)
    assert said in fault


def test_an_artifact_that_nobody_expects() -> None:
    assert len(faults(expected(artifacts=[]), seen(), None)) == 1


def test_a_preview_may_be_there_but_is_judged_as_all_artifacts_are() -> None:
    preview = dataclasses.replace(GOOD, name=".previews/good.txt.png", preview_of="good.txt")
    wanted = expected(artifacts=["*.txt"], active=[])
    assert faults(wanted, seen(manifest=dataclasses.replace(MANIFEST, artifacts=(GOOD, preview))), None) == []
    active = dataclasses.replace(preview, active=True)
    (fault,) = faults(wanted, seen(manifest=dataclasses.replace(MANIFEST, artifacts=(GOOD, active))), None)
    assert fault.startswith("active: ")


def test_another_level_than_the_one_asked_for() -> None:
    assert faults(expected(), seen(), Level.USERNS) == ["ran at level runc, not at userns"]


def test_without_a_store_the_status_is_judged() -> None:
    alone = Observation(seen().status)
    assert faults(expected(artifacts=["good.txt"], prints="never seen", rejected={"x": "Symlink"}), alone, None) == []
    assert len(faults(expected(artifacts=["other.txt"]), alone, None)) == 2


def case(**fields: Any) -> CaseFile:
    return CaseFile.model_validate({"title": "A title", "attempt": "It tries something.", "expect": {"verdict": "Succeeded"}} | fields)


def test_gvisor_cannot_count_refused_calls() -> None:
    about = case(expect={"verdict": "SANDBOX_VIOLATION/SystemCallRefused", "calls": "ptrace", "prints": "refused", "never": "root:x"})
    there = expectation(about, Level.GVISOR, landlock=False)
    assert there == expected(calls="unknown", never="root:x")
    assert expectation(about, Level.USERNS, landlock=False) == expected(calls="ptrace", prints="refused", never="root:x")


def test_differences_are_put_over_the_expectation() -> None:
    difference = {"because": "it is another kernel", "expect": {"verdict": "Cancelled", "limit": None}}
    about = case(expect={"verdict": "Succeeded", "limit": "disk", "prints": "x"}, levels={"gvisor": difference}, landlock=difference)
    changed = Expectation.model_validate({"verdict": "Cancelled", "prints": "x"})
    assert expectation(about, Level.GVISOR, landlock=False) == changed
    assert expectation(about, Level.RUNC, landlock=True) == changed
    assert expectation(about, Level.RUNC, landlock=False) != changed
