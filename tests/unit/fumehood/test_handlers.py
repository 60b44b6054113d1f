"""What events lead to work, and which cost nothing."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fumehood.executors.kubernetes.observe import facts
from fumehood.handlers import kopf_settings, see_job, see_pod
from fumehood.settings import Settings
from unit.fumehood.builders import UID, settings
from unit.fumehood.world import JOB, KEY, World

Json = dict[str, Any]


@pytest.fixture
async def world() -> World:
    """A job whose Pod was made, and an operator that no longer listens by itself."""
    made = World()
    await made.submit()
    made.operator.keys.clear()
    made.cluster.listeners.clear()
    return made


def job_event(world: World, kind: str = "MODIFIED", **status: Any) -> list[tuple[str, str]]:
    document = copy.deepcopy(world.job)
    document["metadata"]["resourceVersion"] = "new"
    document["status"] |= status
    see_job(world.operator.reconciler, world.operator, {"type": kind, "object": document})  # type: ignore[arg-type]
    return world.operator.keys


def pod_event(world: World, kind: str | None = "MODIFIED", **change: Any) -> list[tuple[str, str]]:
    document = copy.deepcopy(world.pods[0])
    document["status"] = {"phase": "Running"}
    for field, value in change.items():
        document["metadata"][field] = value
    see_pod(world.operator.reconciler, world.operator, {"type": kind, "object": document})  # type: ignore[arg-type]
    return world.operator.keys


async def test_a_changed_job_is_worked_on_once(world: World) -> None:
    for _ in range(3):
        assert job_event(world) == [KEY]


async def test_our_own_write_coming_back_is_not(world: World) -> None:
    see_job(world.operator.reconciler, world.operator, {"type": "MODIFIED", "object": world.job})  # type: ignore[arg-type]
    assert world.operator.keys == []


async def test_a_final_job_is_worked_on_while_its_sandbox_is_there(world: World) -> None:
    assert job_event(world, phase="Succeeded") == [KEY]


async def test_a_final_job_that_leaves_nothing_to_do_costs_nothing(world: World) -> None:
    world.operator.reconciler.sandboxes.drop(UID)
    assert job_event(world, phase="Succeeded") == []
    assert UID not in world.operator.reconciler.written


async def test_a_final_job_with_a_time_to_live_is_worked_on(world: World) -> None:
    world.operator.reconciler.sandboxes.drop(UID)
    world.cluster.change(JOB, {"spec": {"ttlSecondsAfterFinished": 5}})
    assert job_event(world, phase="Failed") == [KEY]


async def test_a_deleted_job_without_a_sandbox_is_forgotten(world: World) -> None:
    world.operator.reconciler.sandboxes.drop(UID)
    assert job_event(world, "DELETED") == []
    assert world.operator.reconciler.admission.active == 0


async def test_a_deleted_job_is_worked_on_while_its_sandbox_is_there(world: World) -> None:
    assert job_event(world, "DELETED") == [KEY]


async def test_a_pods_news_is_worked_on_and_its_repetition_is_not(world: World) -> None:
    assert pod_event(world) == [KEY]
    world.operator.keys.clear()
    assert pod_event(world) == []
    assert pod_event(world, None) == []


async def test_a_deleted_pod_is_one_of_which_no_process_is_left(world: World) -> None:
    assert pod_event(world, "DELETED") == [KEY]
    known = world.operator.reconciler.sandboxes.get(UID)
    assert known is not None
    assert known.ended and known.deleting


async def test_a_deleted_pod_that_nobody_knew_of_is_nothing(world: World) -> None:
    world.operator.reconciler.sandboxes.drop(UID)
    assert pod_event(world, "DELETED") == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"ownerReferences": []},
        {"ownerReferences": None},
        {"ownerReferences": [{"kind": "Job", "name": "x", "uid": UID}]},
        {"ownerReferences": [{"kind": "AnalysisJob", "name": "x", "uid": "another"}]},
        {"labels": {"fumehood.dev/job-uid": UID}},
        {"labels": {"fumehood.dev/job-uid": UID, "fumehood.dev/attempt": "one"}},
        {"labels": {"fumehood.dev/job-uid": UID, "fumehood.dev/attempt": "-1"}},
        {"labels": {"fumehood.dev/job-uid": "another", "fumehood.dev/attempt": "1"}},
        {"name": "of-another-name"},
    ],
    ids=str,
)
async def test_a_pod_that_only_looks_like_ours_is_nothing(world: World, metadata: Json) -> None:
    assert pod_event(world, **metadata) == []


async def test_facts_are_cut_before_anything_looks_at_them(world: World) -> None:
    document = copy.deepcopy(world.pods[0])
    ended = {"terminated": {"exitCode": 1, "reason": "x" * 9999, "message": "y" * 99_999}}
    document["status"] = {"reason": "r" * 999, "message": 5, "containerStatuses": [{"name": "collector", "state": ended}]}
    seen = facts(document)
    assert seen is not None
    assert (len(seen.reason), seen.message) == (63, "")
    assert (len(seen.collector.reason), len(seen.collector.message)) == (63, 4096)


async def test_facts_of_a_pod_that_was_stopped() -> None:
    world = World()
    await world.submit()
    await world.pod_runs()
    await world.cancel()
    seen = facts(world.pods[0])
    assert seen is not None and seen.gone_by is not None
    assert seen.stopping
    assert (seen.gone_by - world.clock()).total_seconds() == 1 + 365 + 60


def test_every_wait_of_kopf_has_an_end_and_only_our_pods_are_watched() -> None:
    options: Settings = settings()
    kopf = kopf_settings(options)
    assert kopf.watching.server_timeout and kopf.watching.client_timeout and kopf.networking.request_timeout
    assert kopf.posting.enabled is False, "hostile text would be posted uncleaned"
    assert dict(kopf.watching.label_selectors)


async def test_nothing_is_remembered_of_a_final_job(world: World) -> None:
    reconciler, document = world.operator.reconciler, copy.deepcopy(world.job)
    document["status"]["phase"] = "Succeeded"
    see_job(reconciler, world.operator, {"type": "MODIFIED", "object": document})  # type: ignore[arg-type]
    assert reconciler.written == {}
