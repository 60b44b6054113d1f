"""Jobs that need artifacts of jobs, and failures that adapters explain, through a whole operator."""

from __future__ import annotations

from typing import Any

from fumehood import reconcile
from fumehood.kube import job_path
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, claim, manifest
from unit.fumehood.world import JOB, KEY, World

EARLIER_UID = "11111111-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
MIDDLE_UID = "33333333-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
COMING = reconcile.COMING.total_seconds()
EARLIER = job_path("lab", "earlier")
TABLE = "sha256:" + "1" * 64
NEEDS = [{"name": "t.csv", "artifact": {"job": "earlier", "name": "table.csv"}}]


async def with_an_earlier_job(**options: Any) -> World:
    world = World(**options)
    await world.submit("earlier", EARLIER_UID)
    return world


def pods(world: World, job: str = KEY[1]) -> list[Any]:
    return [pod for pod in world.pods if pod["metadata"]["labels"]["fumehood.dev/job"] == job]


def finished() -> dict[str, Any]:
    table = {
        "name": "table.csv",
        "kind": "dataset",
        "format": "csv",
        "digest": TABLE,
        "size": 1,
        "contentType": "text/csv",
        "uri": "s3://x/y",
    }
    sealed = {"uri": "s3://x/m", "digest": "sha256:" + "0" * 64, "complete": True}
    return {"phase": "Succeeded", "attempt": 1, "result": {"manifest": sealed, "artifactCount": 1, "artifacts": [table]}}


def condition(world: World, kind: str) -> dict[str, Any]:
    return next(one for one in world.status["conditions"] if one["type"] == kind)


async def test_a_job_waits_for_the_one_whose_artifact_it_needs() -> None:
    world = await with_an_earlier_job()
    await world.submit(inputs=NEEDS)
    assert (world.status["phase"], pods(world)) == ("Pending", [])
    waiting = condition(world, "InputsReady")
    assert (waiting["status"], waiting["reason"]) == ("False", "WaitingForJob")
    assert "'earlier'" in waiting["message"]
    assert world.operator.reconciler.admission.active == 1
    world.cluster.change(EARLIER, {"status": finished()})
    await world.settle()
    assert len(pods(world)) == 1
    assert condition(world, "InputsReady")["status"] == "True"


async def test_waiting_costs_one_write_however_often_it_is_looked_at() -> None:
    world = await with_an_earlier_job()
    await world.submit(inputs=NEEDS)
    writes = len(world.cluster.writes)
    for _ in range(3):
        world.clock.pass_(400)
        await world.operator.look_again()
    assert len(world.cluster.writes) == writes


async def test_a_job_that_waits_gives_its_place_to_others() -> None:
    world = await with_an_earlier_job(max_concurrent=2)
    await world.submit(inputs=NEEDS)
    await world.submit("other", "22222222-3b4a-4c5d-8e6f-7a8b9c0d1e2f")
    assert (len(pods(world, "other")), pods(world)) == (1, [])


async def test_a_job_whose_source_of_artifacts_is_deleted_fails_as_a_dependency() -> None:
    world = await with_an_earlier_job()
    await world.submit(inputs=NEEDS)
    world.cluster.remove(EARLIER)
    world.clock.pass_(COMING)
    await world.operator.look_again()
    assert (world.status["failure"]["category"], world.reason) == ("DEPENDENCY_ERROR", "InputMissing")


async def test_a_job_may_be_created_before_the_one_that_it_needs() -> None:
    world = World()
    await world.submit(inputs=NEEDS)
    waiting = condition(world, "InputsReady")
    assert (world.status["phase"], waiting["status"]) == ("Pending", "False")
    assert "'earlier', which is not there yet" in waiting["message"]
    assert world.operator.reconciler.admission.active == 0
    await world.submit("earlier", EARLIER_UID)
    world.clock.pass_(COMING)
    await world.operator.look_again()
    assert "not over yet" in condition(world, "InputsReady")["message"]
    world.cluster.change(EARLIER, {"status": finished()})
    await world.settle()
    assert len(pods(world)) == 1


async def test_one_that_comes_and_ends_while_nobody_looks_is_noticed() -> None:
    world = World()
    await world.submit(inputs=NEEDS)
    await world.submit("earlier", EARLIER_UID)
    world.cluster.change(EARLIER, {"status": finished()})
    await world.settle()
    assert len(pods(world)) == 1


async def test_three_jobs_in_the_order_that_is_worst_start_one_after_the_other() -> None:
    world = World()
    last = [{"name": "t.csv", "artifact": {"job": "middle", "name": "table.csv"}}]
    await world.submit(inputs=last)
    await world.submit("middle", MIDDLE_UID, inputs=NEEDS)
    await world.submit("earlier", EARLIER_UID)
    assert [len(pods(world, name)) for name in ("earlier", "middle", KEY[1])] == [1, 0, 0]
    world.cluster.change(EARLIER, {"status": finished()})
    await world.settle()
    assert [len(pods(world, name)) for name in ("middle", KEY[1])] == [1, 0]
    world.cluster.change(job_path("lab", "middle"), {"status": finished()})
    await world.settle()
    assert len(pods(world)) == 1


async def test_a_job_that_needs_one_that_never_comes_fails_and_names_it() -> None:
    world = World()
    await world.submit(inputs=NEEDS)
    world.clock.pass_(COMING)
    await world.operator.look_again()
    failure = world.status["failure"]
    assert (failure["category"], failure["reason"], failure["evidence"]["entry"]) == ("DEPENDENCY_ERROR", "InputMissing", "earlier")


async def test_a_job_that_waits_can_be_cancelled() -> None:
    world = await with_an_earlier_job()
    await world.submit(inputs=NEEDS)
    await world.cancel()
    assert world.status["phase"] == "Cancelled"


async def test_another_operator_finds_the_waiting_jobs() -> None:
    world = await with_an_earlier_job()
    await world.submit(inputs=NEEDS)
    await world.restart()
    world.cluster.change(EARLIER, {"status": finished()})
    await world.settle()
    assert len(pods(world)) == 1


async def test_a_job_that_waits_for_itself_can_still_be_cancelled() -> None:
    world = World()
    await world.submit(inputs=[{"name": "t.csv", "artifact": {"job": KEY[1], "name": "x"}}])
    assert (world.status["phase"], pods(world)) == ("Pending", [])
    await world.cancel()
    assert world.status["phase"] == "Cancelled"


async def test_a_deprecated_environment_is_said_to_be() -> None:
    world = World()
    world.cluster.change("/apis/fumehood.dev/v1alpha1/analysisenvironments/python", {"spec": {"deprecated": {"message": "use python@3"}}})
    await world.submit()
    said = condition(world, "EnvironmentCurrent")
    assert (said["status"], said["reason"]) == ("False", "Deprecated")
    assert said["message"] == "python-2026.11 is deprecated: use python@3"
    await world.runs_well()
    assert world.status["phase"] == "Succeeded"
    assert condition(world, "EnvironmentCurrent")["status"] == "False"


async def test_an_adapter_that_stumbles_over_a_failure_changes_nothing() -> None:
    class Stumbles:
        def diagnose(self, ended: object) -> None:
            raise RecursionError

    world = World()
    world.operator.reconciler._adapters = {**world.operator.reconciler._adapters, "odd": Stumbles()}  # type: ignore[dict-item]
    await world.submit()
    await world.runs_well(manifest(claim=claim(exit_code=3), provenance=wire.Provenance("odd")))
    assert world.reason == "NonZeroExit"
    assert world.cluster.objects[JOB]["metadata"]["uid"] == UID
