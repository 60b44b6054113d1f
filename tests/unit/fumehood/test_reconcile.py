"""Whole lives of jobs."""

from __future__ import annotations

import dataclasses
from typing import Any

from fumehood_sandbox import wire
from unit.fumehood.builders import PAYLOAD, claim, manifest, seal_of
from unit.fumehood.fakes import unavailable
from unit.fumehood.world import JOB, KEY, PODS, World, cancelled_manifest

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
