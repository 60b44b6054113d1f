from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fumehood.api.v1alpha1 import AnalysisJobStatus, ReplayStatus, Sameness
from fumehood.core import replay
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, artifact, job, manifest

A, B = "sha256:" + "1" * 64, "sha256:" + "2" * 64
SAME, DIFFERENT, MISSING, ADDED = Sameness.SAME, Sameness.DIFFERENT, Sameness.MISSING, Sameness.ADDED
GIVEN = manifest(
    artifacts=(artifact("a.png", digest=A), artifact("b.csv", digest=B)),
    provenance=wire.Provenance("python", "registry.example/python@" + A, 7, "sha256:" + "k" * 64),
    source=(wire.Staged("main.py", A, 1), wire.Staged(".fumehood/driver.py", A, 1)),
    inputs=(wire.Staged("x.csv", A, 1),),
)
WELL = {"phase": "Succeeded", "sandbox": {"level": "userns"}}


def compared(
    after: wire.Manifest = GIVEN, status: dict[str, Any] | None = None, before: wire.Manifest = GIVEN, **spec: Any
) -> ReplayStatus:
    then = replay.Run(job().spec, AnalysisJobStatus.model_validate(WELL), before)
    now = replay.Run(job(**spec).spec, AnalysisJobStatus.model_validate(WELL | (status or {})), after)
    return replay.compare("co2-trend", UID, then, now)


def verdicts(found: ReplayStatus) -> dict[str, Sameness]:
    return {one.name: one.verdict for one in found.artifacts}


def test_all_the_same_is_reproduced_and_needs_no_reasons() -> None:
    found = compared()
    assert (found.reproduced, found.same, found.different, found.reasons) == (True, 2, 0, ())
    assert (found.job, found.uid) == ("co2-trend", UID)
    assert verdicts(found) == {"a.png": SAME, "b.csv": SAME}


def test_what_differs_comes_first() -> None:
    found = compared(replace(GIVEN, artifacts=(artifact("a.png", digest=A), artifact("c.csv", digest=B))))
    assert (found.reproduced, found.same, found.different) == (False, 1, 2)
    assert list(verdicts(found).items()) == [("b.csv", MISSING), ("c.csv", ADDED), ("a.png", SAME)]


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (artifact("a.png", digest=B), "as many bytes, but others"),
        (artifact("a.png", digest=B, size=11), "10 bytes then, 11 now"),
        (artifact("a.png", digest=B, size=11, format="svg"), "png then, svg now"),
    ],
)
def test_a_different_artifact_says_how(now: wire.Artifact, reason: str) -> None:
    found = compared(replace(GIVEN, artifacts=(now, artifact("b.csv", digest=B))))
    assert (found.artifacts[0].verdict, found.artifacts[0].reason) == (DIFFERENT, reason)


def test_an_artifact_that_was_refused_this_time_says_so() -> None:
    rejected = (wire.Rejected("b.csv", wire.Rejection.SIZE),)
    found = compared(replace(GIVEN, artifacts=GIVEN.artifacts[:1], rejected=rejected))
    assert (found.artifacts[0].verdict, found.artifacts[0].reason) == (MISSING, "it was refused: TooLarge")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"env_version": "python-2026.12"}, "the environment was python-2026.11, and is python-2026.12"),
        ({"provenance": replace(GIVEN.provenance, image="mirror/py@" + B)}, f"the environment's image was {A}, and is {B}"),
        ({"provenance": replace(GIVEN.provenance, adapter="command")}, "the adapter was 'python', and is 'command'"),
        ({"provenance": replace(GIVEN.provenance, seed=None)}, "the seed was 7, and is none"),
        ({"provenance": replace(GIVEN.provenance, key=A)}, "the environment has other variables, default limits or settings"),
        ({"source": (wire.Staged("main.py", B, 1), GIVEN.source[1])}, f"source file 'main.py' was {A}, and is {B}"),
        ({"source": (GIVEN.source[0], wire.Staged(".fumehood/driver.py", B, 1))}, "the adapter is of another version"),
        ({"inputs": (wire.Staged("x.csv", B, 1),)}, f"input 'x.csv' was {A}, and is {B}"),
        ({"inputs": ()}, f"input 'x.csv' was {A}, and is not there"),
    ],
)
def test_what_was_not_as_it_was_is_said_even_where_the_result_is_the_same(change: dict[str, Any], reason: str) -> None:
    found = compared(replace(GIVEN, **change))
    assert (found.reproduced, found.reasons) == (True, (reason,))


def test_the_image_is_the_same_wherever_it_is_pulled_from() -> None:
    assert compared(replace(GIVEN, provenance=replace(GIVEN.provenance, image="mirror/py@" + A))).reasons == ()


def test_other_limits_and_another_level_are_said() -> None:
    found = compared(status={"sandbox": {"level": "gvisor"}}, limits={"memory": "1Gi"}, args=["x"])
    assert found.reasons == ("it was isolated by userns, and is by gvisor", "spec.args is another", "spec.limits is another")


def test_another_end_is_not_reproduced_though_all_artifacts_are_there() -> None:
    failed = {"phase": "Failed", "failure": {"category": "USER_CODE_ERROR", "reason": "NonZeroExit"}}
    found = compared(status=failed)
    assert (found.reproduced, found.different) == (False, 0)
    assert found.reasons == ("it ended as Succeeded then, as Failed NonZeroExit now",)


def test_a_difference_without_a_cause_that_is_known_is_the_programs_own() -> None:
    found = compared(replace(GIVEN, artifacts=GIVEN.artifacts[:1]))
    assert len(found.reasons) == 1
    assert found.reasons[0].startswith("nothing that is known was different: the program itself")


def test_however_much_differs_the_status_stays_small() -> None:
    many = tuple(artifact(f"{n:04}\u202e.png", digest=A) for n in range(500))
    inputs = tuple(wire.Staged("x" * 200 + f"{n:04}", B, 1) for n in range(500))
    found = compared(replace(GIVEN, artifacts=many, inputs=inputs))
    assert (len(found.artifacts), found.different) == (50, 502)
    assert len(found.reasons) == 16
    assert found.reasons[-1] == "and 486 more"
    assert all(len(reason) <= 512 for reason in found.reasons)
    assert not any("\u202e" in one.name for one in found.artifacts)
    ReplayStatus.model_validate(found.model_dump(by_alias=True))
