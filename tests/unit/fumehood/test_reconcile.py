"""Whole lives of jobs, and every way that they are disturbed."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fumehood.errors import Conflict, Unavailable
from fumehood_sandbox import wire
from unit.fumehood.builders import PAYLOAD, UID, claim, manifest, seal_of
from unit.fumehood.fakes import nth_write, unavailable
from unit.fumehood.world import JOB, KEY, PODS, Operator, World, cancelled_manifest

Json = dict[str, Any]
ONE_AT_ONCE = {"max_concurrent": 1}


class TestTheWayOfAJob:
    async def test_success(self) -> None:
        world = World()
        await world.submit()
        assert world.status["phase"] == "Starting"
        await world.pod_runs()
        world.clock.pass_(3)
        await world.operator.look_again()
        assert world.status["phase"] == "Running"
        await world.collector_seals()
        assert world.status["phase"] == "Succeeded"
        assert world.status["result"]["artifactCount"] == 1
        assert world.status["envVersion"] == "python-2026.11"
        await world.pod_ends()
        assert world.pods == world.cluster.of("secrets") == []

    async def test_it_costs_few_writes_and_none_while_nothing_changes(self) -> None:
        world = World()
        await world.submit()
        await world.runs_well()
        done = [(method, path.split("/")[-2 if not path.endswith("/status") else -1]) for method, path in world.cluster.writes]
        assert done == [
            ("POST", "networkpolicies"),
            ("POST", "secrets"),
            ("POST", "pods"),
            ("PATCH", "status"),
            ("PATCH", "status"),
            ("DELETE", "secrets"),
            ("DELETE", "pods"),
        ]
        for _ in range(5):
            await world.operator.look_again()
        await world.restart()
        assert len(world.cluster.writes) == len(done)
        assert world.operator.errors == []

    async def test_events_that_were_merged_lead_to_the_same_end(self) -> None:
        world = World()
        await world.submit()
        await world.collector_seals()
        assert world.status["phase"] == "Succeeded"

    async def test_a_failed_program(self) -> None:
        world = World()
        await world.submit()
        await world.runs_well(manifest(claim=claim(exit_code=1)))
        assert (world.status["phase"], world.status["failure"]["category"], world.reason) == ("Failed", "USER_CODE_ERROR", "NonZeroExit")
        assert world.status["result"]["artifactCount"] == 1, "what it had written is kept"

    async def test_time_to_live(self) -> None:
        world = World()
        await world.submit(ttlSecondsAfterFinished=60)
        await world.runs_well()
        assert world.operator.delay == 60.0
        world.clock.pass_(60)
        await world.operator.look_again()
        assert JOB not in world.cluster.objects
        assert world.operator.reconciler.written == world.operator.reconciler.observed == {}

    async def test_what_the_spec_refuses_never_makes_a_pod(self) -> None:
        for spec, reason in (
            ({"environment": "none"}, "EnvironmentUnknown"),
            ({"schemaVersion": "2.0"}, "SchemaVersionUnsupported"),
            ({"limits": {"memory": "65Gi"}}, "LimitAboveMaximum"),
            ({"source": {"entrypoint": "a", "configMap": {"name": "none"}}}, "SourceMissing"),
            ({"inputs": [{"name": "x", "s3": {"uri": "s3://secret/x"}}]}, "InputNotAllowed"),
        ):
            world = World(**ONE_AT_ONCE)
            await world.submit(**spec)
            assert (world.status["phase"], world.reason) == ("Failed", reason)
            assert world.pods == []
            assert world.operator.reconciler.admission.active == 0

    async def test_an_environment_that_cannot_be_read_or_has_no_adapter(self) -> None:
        for change in ({"adapter": "cobol"}, {"image": "tag-only"}):
            world = World()
            world.cluster.change("/apis/fumehood.dev/v1alpha1/analysisenvironments/python", {"spec": change})
            await world.submit()
            assert world.reason == "EnvironmentUnknown"


class TestReadings:
    async def test_what_becomes_of_the_pod_needs_no_job_read_anew(self) -> None:
        world = World()
        await world.submit()
        await world.operator.look_again()
        reads = count_reads(world)
        await world.pod_runs()
        await world.collector_seals()
        assert (world.status["phase"], reads) == ("Succeeded", [])
        await world.pod_ends()
        assert len(world.operator.reconciler.readings) == 0, "nothing is kept of a job that is over"

    async def test_a_wish_to_cancel_is_read(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        reads = count_reads(world)
        await world.cancel()
        assert reads == [JOB]
        assert world.pods[0]["spec"]["activeDeadlineSeconds"] == 1


def count_reads(world: World) -> list[str]:
    reads: list[str] = []
    get = world.cluster.get

    async def counted(path: str) -> Json:
        if path == JOB:
            reads.append(path)
        return await get(path)

    world.cluster.get = counted  # type: ignore[method-assign]
    return reads


class TestCancellation:
    async def test_before_there_is_a_pod(self) -> None:
        world = World(**ONE_AT_ONCE)
        await world.submit("other", "other-uid")
        await world.submit()
        assert world.status["phase"] == "Pending"
        await world.cancel()
        assert world.status["phase"] == "Cancelled"
        assert len(world.pods) == 1

    async def test_before_the_pod_runs(self) -> None:
        world = World()
        await world.submit()
        await world.cancel()
        assert world.status["phase"] == "Cancelled"
        assert world.pods == []

    async def test_while_it_runs_what_there_is_gets_sealed(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        await world.cancel()
        (pod,) = world.pods
        assert pod["spec"]["activeDeadlineSeconds"] == 1
        assert world.status["phase"] == "Harvesting"
        await world.collector_seals(cancelled_manifest())
        assert world.status["phase"] == "Cancelled"
        assert world.status["result"]["manifest"]["complete"] is False
        assert "failure" not in world.status

    async def test_too_late_it_changes_nothing(self) -> None:
        world = World()
        await world.submit()
        await world.runs_well()
        before = world.status
        await world.cancel()
        assert world.status == before

    async def test_in_a_race_with_the_end_there_is_one_end(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        world.cluster.change(JOB, {"spec": {"cancel": True}})
        await world.collector_seals()
        assert world.status["phase"] == "Succeeded"


class TestLosses:
    async def test_a_pod_that_vanishes(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        await world.pod_vanishes()
        assert (world.status["phase"], world.reason) == ("Failed", "PodLost")
        await world.operator.look_again()
        assert world.pods == [], "no second try of the same attempt"

    async def test_a_pod_whose_deletion_nobody_told_of(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        world.operator.alive = False
        await world.pod_vanishes()
        world.operator.alive = True
        for _ in range(2):
            assert world.operator.delay is not None and world.operator.delay <= 300
            world.clock.pass_(world.operator.delay)
            await world.operator.look_again()
        assert world.reason == "PodLost"

    async def test_an_end_that_nobody_told_of_is_found_and_no_loss(self) -> None:
        world = World()
        await world.submit(limits={"wallClock": "1s"})
        await world.pod_runs()
        world.operator.alive = False
        await world.collector_seals()
        world.operator.alive = True
        world.clock.pass_(10_000)
        await world.operator.look_again()
        assert world.status["phase"] == "Succeeded"

    async def test_an_evicted_pod(self) -> None:
        world = World()
        await world.submit()
        await world.pod_ends("Failed", reason="Evicted", message="The node was low on resource: memory.")
        assert world.reason == "PodEvicted"

    async def test_a_manifest_that_is_not_the_sealed_one(self) -> None:
        world = World()
        await world.submit()
        await world.collector_seals(digest="sha256:" + "0" * 64)
        assert (world.status["phase"], world.reason) == ("Failed", "ManifestInvalid")
        assert "result" not in world.status

    async def test_a_manifest_of_another_job(self) -> None:
        world = World()
        await world.submit()
        await world.collector_seals(manifest(subject=wire.Subject("lab", "other", "other", 1)))
        assert world.reason == "ManifestInvalid"

    async def test_a_manifest_that_is_not_there(self) -> None:
        world = World()
        await world.submit()
        await world.collector_seals(store=False)
        assert world.reason == "ManifestInvalid"

    async def test_the_seal_of_another_attempt_is_no_seal(self) -> None:
        world = World()
        await world.submit()
        await world.collector_seals(attempt=2)
        assert world.reason == "CollectorLost"

    async def test_a_store_that_is_away_delays_the_end_and_nothing_else(self) -> None:
        world = World()
        await world.submit()
        await world.pod_runs()
        world.store.down = Unavailable("the store did not answer")
        await world.collector_seals()
        assert world.status["phase"] == "Starting"
        assert {type(error) for error in world.operator.errors} == {Unavailable}
        world.store.down = None
        await world.operator.look_again()
        assert world.status["phase"] == "Succeeded"

    async def test_a_start_that_takes_too_long(self) -> None:
        world = World()
        await world.submit()
        assert world.operator.delay == 298.0, "300 s after the Pod was made"
        world.clock.pass_(300)
        await world.operator.look_again()
        assert world.reason == "NotStartedInTime"
        assert world.pods == []


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
        world = World(**ONE_AT_ONCE)
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


class TestAdmission:
    async def test_the_next_one_starts_when_a_place_is_free(self) -> None:
        world = World(**ONE_AT_ONCE)
        await world.submit()
        await world.submit("second", "second-uid")
        await world.submit("third", "third-uid")
        assert len(world.pods) == 1
        await world.runs_well()
        assert [pod["metadata"]["labels"]["fumehood.dev/job"] for pod in world.pods] == ["second"]

    async def test_a_waiting_job_that_is_deleted_makes_room_even_if_nobody_tells(self) -> None:
        world = World(**ONE_AT_ONCE)
        await world.submit()
        await world.submit("second", "second-uid")
        await world.submit("third", "third-uid")
        world.operator.alive = False
        world.cluster.remove(JOB.replace("co2-trend", "second"))
        world.operator.alive = True
        await world.runs_well()
        assert [pod["metadata"]["labels"]["fumehood.dev/job"] for pod in world.pods] == ["third"]

    async def test_a_job_that_is_being_deleted_takes_no_place(self) -> None:
        world = World(**ONE_AT_ONCE)
        world.operator.alive = False
        await world.submit()
        world.cluster.change(JOB, {"metadata": {"deletionTimestamp": "2026-11-01T12:00:00Z"}})
        world.operator.alive = True
        await world.operator.look_again()
        await world.submit("second", "second-uid")
        assert [pod["metadata"]["labels"]["fumehood.dev/job"] for pod in world.pods] == ["second"]

    async def test_a_launch_that_fails_gives_its_place_back(self) -> None:
        world = World(**ONE_AT_ONCE)
        world.cluster.fault = lambda method, path, done: unavailable() if path.startswith(PODS) else None
        await world.submit()
        assert world.operator.reconciler.admission.active == 0
        assert world.status == {}


# --- disturbances at every write ---


def end_of(world: World) -> Json:
    """Return what must be the same whatever happened on the way."""
    status = world.status
    return {
        "phase": status.get("phase"),
        "failure": status.get("failure"),
        "result": status.get("result"),
        "attempt": status.get("attempt"),
        "sandbox": status.get("sandbox"),
        "conditions": sorted((entry["type"], entry["status"], entry["reason"]) for entry in status.get("conditions") or []),
        "pods": len(world.pods),
        "secrets": len(world.cluster.of("secrets")),
        "policies": len(world.cluster.of("networkpolicies")),
    }


async def life_of_success(world: World) -> None:
    await world.submit()
    await world.pod_runs()
    world.clock.pass_(3)
    await world.operator.look_again()
    await world.runs_well()


async def life_of_failure(world: World) -> None:
    await world.submit()
    await world.runs_well(manifest(claim=claim(exit_code=1)))


async def life_of_cancellation(world: World) -> None:
    await world.submit()
    await world.pod_runs()
    await world.cancel()
    await world.collector_seals(cancelled_manifest())
    await world.pod_ends("Failed", reason="DeadlineExceeded")


LIVES = [life_of_success, life_of_failure, life_of_cancellation]


def created_pods(world: World) -> int:
    return sum(method == "POST" and path.startswith(PODS) for method, path in world.cluster.writes) - world_repeats(world)


def world_repeats(world: World) -> int:
    """Count the creations that found the Pod there already."""
    seen: set[str] = set()
    again = 0
    for method, path in world.cluster.writes:
        if method == "POST" and path.startswith(PODS):
            again += path in seen
            seen.add(path)
    return again


@pytest.mark.parametrize("live", LIVES, ids=lambda live: live.__name__)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("error", [None, unavailable, lambda: Conflict("x")], ids=["crash", "unavailable", "conflict"])
async def test_a_disturbance_at_any_write_leads_to_the_same_end(live: Callable[[World], Awaitable[None]], after: bool, error: Any) -> None:
    calm = World()
    await live(calm)
    expected, writes = end_of(calm), len(calm.cluster.writes)
    assert expected["pods"] == expected["secrets"] == 0
    for number in range(1, writes + 1):
        world = World()
        world.cluster.fault = nth_write(number, after=after, error=error) if error else nth_write(number, after=after)
        await live(world)
        await world.operator.look_again()
        assert end_of(world) == expected, f"write {number}"
        assert created_pods(world) == 1, f"write {number}"


async def test_two_operators_make_one_pod_and_one_end() -> None:
    world = World()
    twin = Operator(world)

    async def both() -> None:
        for _ in range(10):
            if not (world.operator.keys or twin.keys):
                return
            await asyncio.gather(world.operator.settle(), twin.settle())

    world.settle = both  # type: ignore[method-assign]
    ends: set[str] = set()

    def watch(event: Json) -> None:
        phase = (event["object"].get("status") or {}).get("phase")
        if event["object"].get("kind") == "AnalysisJob" and phase in ("Succeeded", "Failed", "Cancelled"):
            ends.add(str(event["object"]["status"]["conditions"]))

    world.cluster.listeners.append(watch)
    await life_of_success(world)
    for _ in range(3):
        await asyncio.gather(world.operator.look_again(), twin.look_again())
    assert end_of(world)["phase"] == "Succeeded"
    assert end_of(world)["pods"] == 0
    assert created_pods(world) == 1
    assert len(ends) == 1, "the end is written once and never changed"


async def test_the_order_goes_into_the_secret_and_nowhere_else() -> None:
    world = World()
    await world.submit(args=["a-users-word"])
    (secret,) = world.cluster.of("secrets")
    (pod,) = world.pods
    import base64

    order = wire.decode(wire.Order, base64.b64decode(secret["data"]["order.json"]), max_bytes=wire.MAX_ORDER)
    assert order.command.argv == ("python3", "main.py", "a-users-word")
    assert "a-users-word" not in str(pod)
    assert pod["metadata"]["ownerReferences"][0]["uid"] == world.job["metadata"]["uid"]
    assert pod["spec"]["containers"][0]["image"] == PAYLOAD
    assert dataclasses.asdict(order.limits)["memory"] == 512 << 20
    assert seal_of(manifest())[1].uid == order.subject.uid
    assert (order.subject.namespace, order.subject.name) == KEY
