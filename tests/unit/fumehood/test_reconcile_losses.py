"""What is lost on the way: Pods, manifests, the store."""

from __future__ import annotations

from typing import Any

from fumehood.errors import Unavailable
from fumehood_sandbox import wire
from unit.fumehood.builders import manifest
from unit.fumehood.world import World

Json = dict[str, Any]


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
