"""Things that are not ours, or not ours any more."""

from __future__ import annotations

from typing import Any

import pytest

from fumehood.errors import Conflict, Unavailable
from unit.fumehood.builders import UID
from unit.fumehood.world import JOB, PODS, World, cancelled_manifest

Json = dict[str, Any]


class TestForeignThings:
    @pytest.mark.parametrize(
        "damage",
        [
            {"spec": {"environment": None}},
            {"spec": {"source": {"files": None}}},
            {"status": {"phase": "Sleeping"}},
        ],
        ids=str,
    )
    async def test_a_stored_job_that_cannot_be_read_ends_and_harms_no_other(self, damage: Json) -> None:
        world = World()
        world.operator.alive = False
        await world.submit()
        world.cluster.change(JOB, damage)
        await world.restart()
        assert (world.status["phase"], world.reason) == ("Failed", "SpecInvalid")
        assert world.operator.errors == []
        before = len(world.cluster.writes)
        await world.operator.look_again()
        assert len(world.cluster.writes) == before

    @pytest.mark.parametrize("label", ["0f9d2c1e-3b4a-4c5d-8e6f-7a8b9c0d1e2f", "somebody"])
    async def test_a_pod_of_that_name_that_is_not_ours(self, label: str) -> None:
        world, other = World(), World()
        await other.submit()
        (pod,) = other.pods
        pod["metadata"]["ownerReferences"][0]["uid"] = "somebody"
        pod["metadata"]["labels"]["fumehood.dev/job-uid"] = label
        world.operator.alive = False
        world.cluster.seed(f"{PODS}/{pod['metadata']['name']}", pod)
        world.operator.alive = True
        await world.submit()
        assert (world.status["phase"], world.reason) == ("Failed", "PodRefused")
        assert len(world.pods) == 1, "it is left alone"

    async def test_a_job_made_anew_under_the_same_name_is_another_job(self) -> None:
        world = World(max_concurrent=1)
        await world.submit()
        await world.pod_runs()
        world.operator.alive = False
        world.cluster.remove(JOB)
        world.operator.alive = True
        await world.submit(uid="11111111-2222-3333-4444-555555555555")
        assert world.status["phase"] == "Starting"
        (pod,) = world.pods
        assert pod["metadata"]["labels"]["fumehood.dev/job-uid"].startswith("1111")

    async def test_a_pod_that_became_another_jobs_is_none_of_ours(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        world.operator.alive = False
        (path,) = [path for path in world.cluster.objects if path.startswith(PODS)]
        labels = {"fumehood.dev/job-uid": "somebody"}
        owner = world.pods[0]["metadata"]["ownerReferences"][0] | {"uid": "somebody"}
        world.cluster.change(path, {"metadata": {"uid": "other", "labels": labels, "ownerReferences": [owner]}})
        world.clock.pass_(400)
        await world.operator.look_again()
        assert world.reason == "PodLost"

    async def test_a_verdict_is_never_written_over_a_change_that_was_not_read(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()

        def cancel_just_before(method: str, path: str, done: bool) -> None:
            if path.endswith("/status") and not done and "cancel" not in world.job["spec"]:
                world.cluster.change(JOB, {"spec": {"cancel": True}})

        world.cluster.fault = cancel_just_before
        await world.collector_seals(cancelled_manifest())
        assert {type(error) for error in world.operator.errors} == {Conflict}
        assert world.status["phase"] == "Cancelled"

    async def test_a_successor_made_just_before_a_job_expires_stays(self) -> None:
        world = World()
        await world.submit(ttlSecondsAfterFinished=60)
        await world.runs_well()
        world.clock.pass_(60)

        def replace_just_before(method: str, path: str, done: bool) -> None:
            if (method, path, done) == ("DELETE", JOB, False):
                world.cluster.change(JOB, {"metadata": {"uid": "successor"}, "spec": {"ttlSecondsAfterFinished": None}, "status": None})

        world.cluster.fault = replace_just_before
        await world.operator.look_again()
        assert world.job["metadata"]["uid"] == "successor"

    async def test_the_sandbox_of_a_deleted_job_goes_without_a_harvest_that_nobody_waits_for(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        refusals = [Unavailable("not now")]
        world.cluster.fault = lambda method, path, done: refusals.pop() if method == "DELETE" and refusals else None
        deleted = world.cluster.objects.pop(JOB)  # the garbage collector grants the Pod its whole grace period
        world.operator.hear({"type": "DELETED", "object": deleted})
        await world.settle()
        assert [type(error) for error in world.operator.errors] == [Unavailable]
        assert world.pods == [] and world.cluster.of("secrets") == []
        assert world.operator.reconciler.admission.active == 0 and UID not in world.operator.reconciler.sandboxes

    @pytest.mark.parametrize("ended", [False, True])
    async def test_a_deleted_job_that_a_finalizer_keeps_holds_no_sandbox_and_no_place(self, ended: bool) -> None:
        """Else jobs that nobody can remove would use up all places, without a Pod between them."""
        world = World()
        await world.submit()
        world.operator.alive = not ended
        if ended:
            await world.runs_well()
        world.operator.alive = True
        world.cluster.change(JOB, {"metadata": {"deletionTimestamp": "2026-11-01T12:00:00Z", "finalizers": ["example.com/mine"]}})
        await world.settle()
        assert world.pods == [] and world.cluster.of("secrets") == []
        assert world.operator.reconciler.admission.active == 0
        assert world.status["phase"] == "Cancelled"
        before = len(world.cluster.writes)
        await world.operator.look_again()
        assert len(world.cluster.writes) == before

    async def test_a_networkpolicy_that_was_changed_is_put_right(self) -> None:
        world = World()
        await world.submit()
        (policy,) = world.cluster.of("networkpolicies")
        path = next(path for path, item in world.cluster.objects.items() if item is policy)
        world.cluster.change(path, {"spec": {"egress": [{}]}})
        await world.submit("second", "second-uid")
        assert world.cluster.objects[path]["spec"]["egress"] != [{}]
