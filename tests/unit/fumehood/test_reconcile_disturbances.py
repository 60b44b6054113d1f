"""Whole lives of jobs, disturbed at every write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fumehood.errors import Conflict
from unit.fumehood.builders import claim, manifest
from unit.fumehood.fakes import nth_write, unavailable
from unit.fumehood.world import PODS, Operator, World, cancelled_manifest

Json = dict[str, Any]


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
