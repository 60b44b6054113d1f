"""Pod Security `restricted` by the library that the API server judges with, over every Pod that can come to be."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from golden import generated, rendering
from scan.programs import ScanError, program

Json = dict[str, Any]
Judge = Callable[[Json], str]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """What `restricted` forbids of a Pod, in its own words; nothing if it is allowed."""
    try:
        path = program("podsecurity")
    except ScanError as error:
        pytest.skip(str(error))
    with subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:

        def ask(pod: Json) -> str:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(json.dumps(pod) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer.endswith("\n"), "the judge is gone"
            return answer.strip()

        yield ask


@pytest.mark.parametrize("case", rendering.cases(), ids=lambda path: path.name)
def test_the_agreed_pods_are_restricted(case: Path, judge: Judge) -> None:
    assert judge(rendering.pod_of(*rendering.read(case))) == ""


@given(pod=generated.pods())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_any_pod_is_restricted(pod: Json, judge: Judge) -> None:
    assert judge(pod) == ""


def harm(pod: Json, change: Callable[[Json], None]) -> Json:
    damaged = copy.deepcopy(pod)
    change(damaged["spec"])
    return damaged


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda spec: spec.update(hostNetwork=True), "host namespaces"),
        (lambda spec: spec["containers"][0]["securityContext"].update(privileged=True), "privileged"),
        (lambda spec: spec["containers"][1]["securityContext"].update(capabilities={"drop": []}), "unrestricted capabilities"),
        (lambda spec: spec["containers"][1]["securityContext"].update(allowPrivilegeEscalation=True), "allowPrivilegeEscalation"),
        (lambda spec: spec["containers"][1]["securityContext"].update(seccompProfile={"type": "Unconfined"}), "seccompProfile"),
        (lambda spec: spec["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "hostPath"),
        (lambda spec: [spec.update(hostUsers=True), spec["containers"][1]["securityContext"].update(runAsUser=0)], "runAsUser=0"),
    ],
)
def test_the_judge_says_no_to_what_it_should(change: Callable[[Json], None], word: str, judge: Judge) -> None:
    pod = rendering.pod_of(*rendering.read(rendering.CASES / "minimal"))
    assert word in judge(harm(pod, change))


def test_with_user_namespaces_root_is_ours_to_forbid(judge: Judge) -> None:
    """Why the invariants assert non-root themselves: since version 1.35 of the policy nobody else does."""

    def as_root(spec: Json) -> None:
        spec["hostUsers"] = False
        for context in (spec["securityContext"], *(container["securityContext"] for container in spec["containers"])):
            context.update(runAsUser=0, runAsNonRoot=False)

    pod = rendering.pod_of(*rendering.read(rendering.CASES / "minimal"))
    assert judge(harm(pod, as_root)) == ""
