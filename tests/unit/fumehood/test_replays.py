"""A replay runs, and its status says what came of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fumehood.errors import Unavailable
from fumehood.kube import job_path
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, artifact, claim, manifest, seal_of
from unit.fumehood.world import JOB, KEY, World

AGAIN, AGAIN_UID = "again", "22222222-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
AGAIN_PATH = job_path("lab", AGAIN)
B = "sha256:" + "b" * 64


async def with_an_original() -> World:
    world = World()
    await world.submit()
    await world.runs_well()
    return world


async def replayed(world: World, document: wire.Manifest | None = None, **spec: Any) -> dict[str, Any]:
    """Repeat KEY, whose replay leaves `document`; return the status."""
    await world.submit(AGAIN, AGAIN_UID, **({"replayOf": KEY[1]} | spec))
    if world.pods:
        await world.pod_runs()
        sealed = replace(document or manifest(), subject=wire.Subject("lab", AGAIN, AGAIN_UID, 1))
        raw, _ = seal_of(sealed)
        world.store.objects[f"lab/{AGAIN_UID}/1/manifest.json"] = raw
        await world.collector_seals(sealed, store=False, uid=AGAIN_UID)
    return dict(world.cluster.objects[AGAIN_PATH]["status"])


async def test_the_same_artifacts_are_a_reproduction() -> None:
    status = await replayed(await with_an_original())
    assert status["phase"] == "Succeeded"
    assert status["replay"] == {
        "job": KEY[1],
        "uid": UID,
        "reproduced": True,
        "same": 1,
        "different": 0,
        "artifacts": [{"name": "trend.png", "verdict": "Same", "reason": ""}],
        "reasons": [],
    }


async def test_another_artifact_is_none_and_the_job_succeeds_all_the_same() -> None:
    status = await replayed(await with_an_original(), manifest(artifacts=(artifact(digest=B),)), seed=3)
    assert (status["phase"], status["replay"]["reproduced"]) == ("Succeeded", False)
    assert status["replay"]["artifacts"] == [{"name": "trend.png", "verdict": "Different", "reason": "as many bytes, but others"}]


async def test_a_replay_that_fails_is_compared_too() -> None:
    status = await replayed(await with_an_original(), manifest(claim=claim(exit_code=3), artifacts=()))
    assert status["phase"] == "Failed"
    assert status["replay"]["artifacts"][0]["verdict"] == "Missing"
    assert status["replay"]["reasons"] == ["it ended as Succeeded then, as Failed NonZeroExit now"]


async def test_a_replay_that_leaves_nothing_says_so() -> None:
    world = await with_an_original()
    await world.submit(AGAIN, AGAIN_UID, replayOf=KEY[1])
    await world.pod_vanishes()
    world.operator.add(("lab", AGAIN))
    await world.settle()
    status = world.cluster.objects[AGAIN_PATH]["status"]
    assert (status["phase"], status["replay"]["reproduced"]) == ("Failed", False)
    assert status["replay"]["reasons"] == ["this time, nothing was left that could be compared"]


async def test_an_ordinary_job_has_no_word_of_it() -> None:
    world = await with_an_original()
    assert "replay" not in world.status


def lose_the_job(world: World) -> None:
    world.cluster.remove(JOB)


def lose_the_manifest(world: World) -> None:
    del world.store.objects[f"lab/{UID}/1/manifest.json"]


def change_the_manifest(world: World) -> None:
    world.store.objects[f"lab/{UID}/1/manifest.json"] += b" "


def have_it_left_nothing(world: World) -> None:
    world.cluster.change(JOB, {"status": {"phase": "Failed", "result": None}})


REFUSED = {
    lose_the_job: "spec.replayOf: there is no AnalysisJob 'co2-trend' in this namespace",
    have_it_left_nothing: "spec.replayOf: job 'co2-trend' (Failed) has left no result to compare with",
    lose_the_manifest: "the manifest of job 'co2-trend' is gone or was changed",
    change_the_manifest: "the manifest of job 'co2-trend' is gone or was changed",
}


@pytest.mark.parametrize("spoil", REFUSED, ids=lambda spoil: spoil.__name__)
async def test_what_cannot_be_compared_with_is_not_repeated(spoil: Any) -> None:
    world = await with_an_original()
    spoil(world)
    status = await replayed(world)
    assert (status["failure"]["category"], status["failure"]["reason"]) == ("DEPENDENCY_ERROR", "InputMissing")
    assert (status["failure"]["message"], status["failure"]["evidence"]["entry"]) == (REFUSED[spoil], KEY[1])
    assert (world.pods, "replay" in status) == ([], False)


async def test_what_is_not_over_is_not_repeated() -> None:
    world = World()
    await world.submit()
    await world.submit(AGAIN, AGAIN_UID, replayOf=KEY[1])
    failure = world.cluster.objects[AGAIN_PATH]["status"]["failure"]
    assert (failure["reason"], failure["message"]) == ("InputMissing", "spec.replayOf: job 'co2-trend' is not over yet")


async def test_an_original_that_is_lost_meanwhile() -> None:
    world = await with_an_original()
    await world.submit(AGAIN, AGAIN_UID, replayOf=KEY[1])
    world.cluster.remove(JOB)
    status = await replayed(world)
    assert (status["phase"], status["replay"]["reproduced"], status["replay"]["uid"]) == ("Succeeded", False, "")
    assert status["replay"]["reasons"] == [REFUSED[lose_the_job]]


async def test_a_store_that_is_away_is_waited_for_before_anything_runs() -> None:
    world = await with_an_original()
    world.store.down = Unavailable("no answer")
    await world.submit(AGAIN, AGAIN_UID, replayOf=KEY[1])
    assert world.operator.errors and world.pods == []
    world.store.down = None
    world.operator.add(("lab", AGAIN))
    await world.settle()
    assert len(world.pods) == 1
