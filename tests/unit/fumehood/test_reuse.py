"""Equal jobs of a namespace take each other's results, whole ones alone; nobody else learns of it."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from fumehood.core.manifest import digest
from fumehood.errors import Forbidden, Unavailable
from fumehood.kube import core_path, environment_path, job_path
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, artifact, claim, log, manifest
from unit.fumehood.fakes import FakeStore, nth_write
from unit.fumehood.world import JOB, KEY, World

PLOT, PRINTED = b"a plot", b"a word"
SECOND, SECOND_UID = "second", "22222222-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
INCARNATION = "33333333-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
ROOT_CA = core_path("lab", "configmaps", "kube-root-ca.crt")
PREFIX = f"lab/{UID}/1/sha256/"


def order_of(world: World) -> wire.Order:
    (secret,) = world.cluster.of("secrets")
    return wire.decode(wire.Order, base64.b64decode(secret["data"]["order.json"]), max_bytes=wire.MAX_ORDER)


def sealed(world: World, **fields: Any) -> wire.Manifest:
    """Return the manifest that the collector of the one Pod would write; its objects are in the store."""

    def put(content: bytes) -> dict[str, Any]:
        key = PREFIX + digest(content).removeprefix("sha256:")
        world.store.objects[key] = content
        return {"key": key, "digest": digest(content), "size": len(content)}

    return manifest(
        **({"artifacts": (artifact(**put(PLOT)),), "stdout": log(**put(PRINTED)), "provenance": order_of(world).provenance} | fields)
    )


async def with_a_result(done: dict[str, Any] | None = None, **spec: Any) -> World:
    """A world in which KEY has ended, as `done` says, with cache: Reuse."""
    world = World()
    world.cluster.seed(ROOT_CA, {"metadata": {"name": "kube-root-ca.crt", "namespace": "lab", "uid": INCARNATION}})
    await world.submit(**({"cache": "Reuse"} | spec))
    await world.runs_well(sealed(world, **(done or {})))
    return world


async def again(world: World, **spec: Any) -> dict[str, Any]:
    """Submit the same once more; return the status."""
    await world.submit(SECOND, SECOND_UID, **({"cache": "Reuse"} | spec))
    return dict(world.cluster.objects[job_path("lab", SECOND)]["status"])


def notes(world: World) -> list[str]:
    return [key for key in world.store.objects if "/cache/" in key]


class TestAHit:
    async def test_ends_a_job_at_once_with_the_same_objects(self) -> None:
        world = await with_a_result()
        first, writes = world.status, len(world.cluster.writes)
        second = await again(world)
        assert (second["phase"], second["envVersion"]) == ("Succeeded", "python-2026.11")
        assert second["result"]["manifest"] == first["result"]["manifest"]
        assert second["result"]["artifacts"] == first["result"]["artifacts"]
        assert second["result"]["logs"] == first["result"]["logs"]
        assert second["cache"] == {"key": first["cache"]["key"], "hit": True, "job": KEY[1], "uid": UID, "attempt": 1, "reason": ""}
        assert {one["type"]: (one["status"], one["reason"]) for one in second["conditions"]} == {
            "Finished": ("True", "CacheHit"),
            "Succeeded": ("True", "CacheHit"),
            "ArtifactsComplete": ("True", "Sealed"),
        }
        # No Pod, no Secret: one write, of the status.
        assert world.cluster.writes[writes:] == [("PATCH", job_path("lab", SECOND, "status"))]

    async def test_costs_nothing_and_says_so(self) -> None:
        world = await with_a_result()
        usage = (await again(world))["result"]["usage"]
        assert world.status["result"]["usage"]["cpuSeconds"] == 0.9
        assert usage == {"cpuSeconds": 0.0, "peakMemoryBytes": 0, "artifactBytes": len(PLOT)}

    async def test_needs_no_proof_of_a_shut_network_since_nothing_runs(self) -> None:
        other = World(network={"proof": {"enabled": True}})
        other.store.objects = (await with_a_result()).store.objects
        other.cluster.seed(ROOT_CA, {"metadata": {"name": "kube-root-ca.crt", "namespace": "lab", "uid": INCARNATION}})
        assert (await again(other))["cache"]["hit"] is True
        assert other.probes == []

    @pytest.mark.parametrize("after", [False, True])
    async def test_survives_an_operator_that_dies_while_it_is_recorded(self, after: bool) -> None:
        world = await with_a_result()
        world.cluster.fault = nth_write(1, after=after)
        second = await again(world)
        assert (second["phase"], second["cache"]["hit"], world.pods) == ("Succeeded", True, [])

    async def test_gives_its_place_to_others(self) -> None:
        world = await with_a_result()
        await again(world)
        assert (world.operator.reconciler.admission.active, world.operator.reconciler.admission.waiting) == (0, 0)

    async def test_is_read_by_jobs_that_need_its_artifacts(self) -> None:
        world = await with_a_result()
        await again(world)
        world.cluster.remove(JOB)  # the objects stay
        await world.submit(
            "third", "44444444-3b4a-4c5d-8e6f-7a8b9c0d1e2f", inputs=[{"name": "x", "artifact": {"job": SECOND, "name": "trend.png"}}]
        )
        assert f"s3://fumehood/{PREFIX}{digest(PLOT).removeprefix('sha256:')}" in [uri for uri, _ in world.store.signed]

    async def test_survives_the_job_that_made_it(self) -> None:
        world = await with_a_result()
        world.cluster.remove(JOB)
        assert (await again(world))["cache"]["hit"] is True

    async def test_is_counted(self) -> None:
        world = await with_a_result()
        await again(world)
        sample = world.operator.reconciler._metrics.registry.get_sample_value
        assert [sample("fumehood_cache_lookups_total", {"outcome": outcome}) for outcome in ("hit", "miss")] == [1.0, 1.0]


class TestAMiss:
    async def test_a_job_that_does_not_ask_runs_and_is_told_nothing(self) -> None:
        world = await with_a_result()
        second = await again(world, cache="Off")
        assert (second["phase"], second.get("cache"), len(world.pods)) == ("Starting", None, 1)

    async def test_what_was_made_without_asking_is_not_noted(self) -> None:
        world = await with_a_result(cache="Off")
        assert notes(world) == []

    async def test_the_first_job_says_that_there_was_nothing(self) -> None:
        world = await with_a_result()
        assert world.status["cache"]["hit"] is False
        assert world.status["cache"]["reason"] == "no equal job of this namespace has left a result"
        assert world.status["cache"]["key"] == sealed_key(world)

    @pytest.mark.parametrize(
        "spec",
        [
            {"seed": 1},
            {"args": ["x"]},
            {"parameters": {"window": 12}},
            {"source": {"entrypoint": "main.py", "files": {"main.py": "print(2)"}}},
            {"limits": {"memory": "1Gi"}},
        ],
        ids=str,
    )
    async def test_another_job_runs(self, spec: dict[str, Any]) -> None:
        world = await with_a_result()
        assert ((await again(world, **spec))["phase"], len(world.pods)) == ("Starting", 1)

    @pytest.mark.parametrize(
        "done",
        [
            pytest.param({"complete": False}, id="cut"),
            pytest.param({"claim": claim(exit_code=3)}, id="failed"),
        ],
    )
    async def test_only_whole_results_of_good_jobs_are_noted(self, done: dict[str, Any]) -> None:
        world = await with_a_result(done)
        assert notes(world) == []
        assert (await again(world))["phase"] == "Starting"

    async def test_an_input_without_a_digest_is_named(self) -> None:
        world = World(store=STORE)
        second = await again(world, inputs=[{"name": "x.csv", "s3": {"uri": "s3://fumehood/public/x.csv"}}])
        assert second["cache"] == {"hit": False, "reason": "the file 'x.csv' has no sha256"}
        assert len(world.pods) == 1

    async def test_it_is_refused_what_it_may_not_read_though_the_digest_is_known(self) -> None:
        inputs = [{"name": "x", "s3": {"uri": "s3://data/x", "sha256": "5" * 64}}]
        world = World(store=STORE | {"input_buckets": ["data"]})
        world.cluster.seed(ROOT_CA, {"metadata": {"name": "kube-root-ca.crt", "uid": INCARNATION}})
        await world.submit(cache="Reuse", inputs=inputs)
        await world.runs_well(sealed(world))
        assert len(notes(world)) == 1
        inputs[0]["s3"] = {"uri": "s3://secret/x", "sha256": "5" * 64}
        assert (await again(world, inputs=inputs))["failure"]["reason"] == "InputNotAllowed"


def sealed_key(world: World) -> str:
    raw = world.store.objects[f"lab/{UID}/1/manifest.json"]
    return wire.decode(wire.Manifest, raw, max_bytes=wire.MAX_MANIFEST).provenance.key


STORE: dict[str, Any] = {"endpoint": "http://192.0.2.10:9000", "bucket": "fumehood", "access_key": "access", "secret_key": "hush-hush"}


def lose_the_plot(world: World) -> None:
    del world.store.objects[PREFIX + digest(PLOT).removeprefix("sha256:")]


def change_the_plot(world: World) -> None:
    world.store.objects[PREFIX + digest(PLOT).removeprefix("sha256:")] = b"a PLOT"


def lose_the_log(world: World) -> None:
    del world.store.objects[PREFIX + digest(PRINTED).removeprefix("sha256:")]


def lose_the_manifest(world: World) -> None:
    del world.store.objects[f"lab/{UID}/1/manifest.json"]


def change_the_manifest(world: World) -> None:
    key = f"lab/{UID}/1/manifest.json"
    world.store.objects[key] = world.store.objects[key].replace(b'"plot"', b'"data"')


def forge_the_note(world: World) -> None:
    """Name another attempt's manifest, which is genuine but of another key."""
    (place,) = notes(world)
    forged = replace(manifest(), provenance=wire.Provenance("python", "", None, "sha256:" + "0" * 64))
    raw = wire.encode(forged)
    world.store.objects[f"lab/{UID}/1/manifest.json"] = raw
    document = {"version": 1, "job": KEY[1], "uid": UID, "attempt": 1, "digest": digest(raw)}
    world.store.objects[place] = wire.encode(document)


def spoil_the_note(world: World) -> None:
    (place,) = notes(world)
    world.store.objects[place] = b"{"


def lead_the_note_out(world: World) -> None:
    """Name an attempt by what is no UID."""
    (place,) = notes(world)
    world.store.objects[f"lab/../other/{UID}/1/manifest.json"] = world.store.objects[f"lab/{UID}/1/manifest.json"]
    document = {"version": 1, "job": KEY[1], "uid": f"../other/{UID}", "attempt": 1, "digest": digest(world.store.objects[place])}
    world.store.objects[place] = wire.encode(document)


def tell_no_digests(world: World) -> None:
    world.store.tells_digests = False


GONE, CHANGED = "some of what an equal job has left is gone", "what an equal job has left was changed"
SPOILT = {
    lose_the_plot: GONE,
    lose_the_log: GONE,
    change_the_plot: CHANGED,
    change_the_manifest: CHANGED,
    forge_the_note: CHANGED,
    spoil_the_note: CHANGED,
    lead_the_note_out: CHANGED,
    lose_the_manifest: "no equal job of this namespace has left a result",
    tell_no_digests: "the store does not tell the digests of its objects",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
async def test_what_is_not_as_it_was_is_not_taken(spoil: Any) -> None:
    world = await with_a_result()
    spoil(world)
    second = await again(world)
    assert (second["phase"], second["cache"]["hit"], second["cache"]["reason"]) == ("Starting", False, SPOILT[spoil])
    assert len(world.pods) == 1


async def test_objects_of_another_place_are_not_taken_whatever_a_manifest_says() -> None:
    world = World()
    world.cluster.seed(ROOT_CA, {"metadata": {"name": "kube-root-ca.crt", "namespace": "lab", "uid": INCARNATION}})
    foreign = f"other/{UID}/1/sha256/" + digest(PLOT).removeprefix("sha256:")
    world.store.objects[foreign] = PLOT
    await world.submit(cache="Reuse")
    await world.runs_well(sealed(world, artifacts=(artifact(digest=digest(PLOT), size=len(PLOT), key=foreign),)))
    assert len(notes(world)) == 1
    second = await again(world)
    assert (second["phase"], second["cache"]["reason"]) == ("Starting", CHANGED)


async def test_a_result_that_is_not_whole_any_more_is_noted_anew_by_the_job_that_ran_instead() -> None:
    world = await with_a_result()
    lose_the_plot(world)
    (place,) = notes(world)
    old = world.store.objects[place]
    await again(world)
    fresh = sealed(world, subject=wire.Subject("lab", SECOND, SECOND_UID, 1), artifacts=(), stdout=None)
    raw = wire.encode(fresh)
    world.store.objects[f"lab/{SECOND_UID}/1/manifest.json"] = raw
    await world.pod_runs()
    await world.collector_seals(fresh, store=False, uid=SECOND_UID)
    assert notes(world) == [place]
    assert world.store.objects[place] != old
    await world.submit("third", "44444444-3b4a-4c5d-8e6f-7a8b9c0d1e2f", cache="Reuse")
    assert world.cluster.objects[job_path("lab", "third")]["status"]["cache"]["job"] == SECOND


class TestTenants:
    async def test_another_namespace_finds_nothing(self) -> None:
        world = await with_a_result()
        world.cluster.seed(core_path("other", "configmaps", "kube-root-ca.crt"), {"metadata": {"name": "kube-root-ca.crt", "uid": "o"}})
        asked: list[str] = []
        read = world.store.read

        async def noting(key: str, max_bytes: int) -> bytes:
            asked.append(key)
            return await read(key, max_bytes)

        world.store.read = noting  # type: ignore[method-assign]
        document = world.job | {
            "metadata": {"name": "theirs", "namespace": "other", "uid": SECOND_UID, "creationTimestamp": "2026-11-01T11:59:58Z"}
        }
        document.pop("status")
        path = job_path("other", "theirs")
        world.cluster.seed(path, document)
        await world.settle()
        status = world.cluster.objects[path]["status"]
        assert (status["phase"], status["cache"]["hit"]) == ("Starting", False)
        assert status["cache"]["key"] == sealed_key(world)  # equal jobs, and yet:
        assert asked and all(key.startswith("other/") for key in asked)

    async def test_a_namespace_of_the_same_name_that_was_made_anew_finds_nothing(self) -> None:
        world = await with_a_result()
        world.cluster.change(ROOT_CA, {"metadata": {"uid": "55555555-3b4a-4c5d-8e6f-7a8b9c0d1e2f"}})
        second = await again(world)
        assert (second["phase"], second["cache"]["reason"]) == ("Starting", "no equal job of this namespace has left a result")

    async def test_without_a_way_to_tell_namespaces_apart_nothing_is_noted_or_taken(self) -> None:
        world = await with_a_result()
        world.cluster.remove(ROOT_CA)
        assert (await again(world))["cache"]["hit"] is False

    async def test_a_program_cannot_write_where_results_are_noted(self) -> None:
        world = await with_a_result()
        (place,) = notes(world)
        assert place == f"lab/cache/{INCARNATION}/{sealed_key(world).removeprefix('sha256:')}"
        prefixes = [uri for uri, _ in world.store.signed if not uri.startswith("s3://")]
        assert prefixes == [f"lab/{UID}/1/"]
        assert not place.startswith(prefixes[0])


class TestTrouble:
    async def test_a_store_that_fails_during_the_search_makes_the_job_run(self) -> None:
        world = await with_a_result()
        world.store.down = Unavailable("no answer")
        second = await again(world)
        assert (second["phase"], second["cache"]["reason"]) == ("Starting", "the store or the API server did not answer")

    async def test_a_right_that_is_missing_makes_the_job_run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        world = await with_a_result()
        get = world.cluster.get

        async def forbidding(path: str) -> Any:
            if path == ROOT_CA:
                raise Forbidden("no")
            return await get(path)

        monkeypatch.setattr(world.cluster, "get", forbidding)
        assert (await again(world))["phase"] == "Starting"

    async def test_a_result_that_cannot_be_noted_is_a_result_all_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def refuse(self: FakeStore, key: str, content: bytes) -> None:
            raise Unavailable("full")

        monkeypatch.setattr(FakeStore, "write", refuse)
        world = await with_a_result()
        assert (world.status["phase"], notes(world), world.operator.errors) == ("Succeeded", [], [])

    async def test_another_environment_of_the_name_is_another_job(self) -> None:
        world = await with_a_result()
        world.cluster.change(environment_path("python"), {"spec": {"env": {"MODE": "2"}}})
        assert (await again(world))["phase"] == "Starting"
