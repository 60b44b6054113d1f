"""No job runs before its namespace's network is proved shut."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fumehood.core import isolation, names
from fumehood.core.isolation import STORE
from fumehood.core.status import stamp
from fumehood.errors import Forbidden
from fumehood.executors.kubernetes.prover import PROVED_AT
from fumehood.kube import policy_path
from unit.fumehood.fakes import unavailable
from unit.fumehood.world import PROBE, World

Json = dict[str, Any]
POLICY = policy_path("lab", names.NETWORK_POLICY)
FOREIGN = policy_path("lab", "allow-all")
PROOF = {"enabled": True}


def world_with_proof(**proof: Any) -> World:
    return World(network={"proof": PROOF | proof})


async def warm() -> World:
    """A namespace whose network was proved shut for an earlier job."""
    world = world_with_proof()
    await world.submit("earlier", "earlier-uid")
    await world.proved()
    return world


def later(world: World, seconds: float) -> None:
    world.clock.pass_(seconds)
    world.cluster.created = stamp(world.clock())


def allow_all(spec: Json | None = None) -> Json:
    metadata = {"name": "allow-all", "namespace": "lab", "uid": "allow-all"}
    return {"kind": "NetworkPolicy", "metadata": metadata, "spec": spec or {"podSelector": {}, "egress": [{}]}}


def condition(world: World) -> tuple[str, str]:
    found = next(entry for entry in world.status["conditions"] if entry["type"] == "NetworkIsolated")
    return found["status"], found["reason"]


class TestTheProof:
    async def test_the_first_job_waits_for_it_without_a_word_and_then_runs(self) -> None:
        world = world_with_proof()
        await world.submit()
        assert world.status == {} and world.cluster.of("secrets") == []
        assert world.operator.reconciler.admission.active == 0, "who waits for a proof takes nobody's place"
        await world.proved()
        assert world.status["phase"] == "Starting"
        assert condition(world) == ("True", "Proved")
        assert len(world.probes) == 1 and PROBE not in world.cluster.objects
        await world.runs_well()
        assert world.status["phase"] == "Succeeded"
        assert world.status["sandbox"]["networkProof"] == "Proved"

    async def test_a_job_after_it_costs_what_it_would_without(self) -> None:
        with_proof, without = await warm(), World()
        await without.submit("earlier", "earlier-uid")
        asked: list[list[str]] = []
        for world in (with_proof, without):
            got, get = [], world.cluster.get
            world.cluster.writes.clear()

            async def noted(path: str, got: list[str] = got, get: Any = get) -> Json:
                got.append(path)
                return dict(await get(path))

            world.cluster.get = noted  # type: ignore[method-assign]
            await world.submit()
            assert world.status["phase"] == "Starting"
            await world.runs_well()
            asked.append(got)
        assert with_proof.cluster.writes == without.cluster.writes
        assert asked[0] == asked[1]

    async def test_the_probe_has_a_jobs_labels_and_goes_with_the_policy(self) -> None:
        world = await warm()
        (pod,) = [pod for pod in world.pods if pod["metadata"]["name"] != names.PROBE]
        assert set(world.probes[0]["metadata"]["labels"]) == set(pod["metadata"]["labels"])
        assert world.probes[0]["metadata"]["ownerReferences"][0]["uid"] == world.cluster.objects[POLICY]["metadata"]["uid"]

    @pytest.mark.parametrize("target", sorted(set(isolation.MEANING) - {STORE, isolation.NODE}))
    async def test_whatever_is_reached_makes_jobs_wait_with_the_reason(self, target: str) -> None:
        world = world_with_proof()
        world.network.open |= {target}
        await world.submit()
        await world.proved()
        assert world.status["phase"] == "Pending" and not world.pods
        assert condition(world) == ("False", "TargetReached")
        assert world.operator.reconciler.admission.active == 0
        (told,) = [entry for entry in world.cluster.of("events") if entry["reason"] == "TargetReached"]
        assert (told["type"], told["regarding"]["name"]) == ("Warning", names.NETWORK_POLICY)
        world.network.open -= {target}
        world.clock.pass_(60)
        await world.operator.look_again()
        await world.proved()
        assert world.status["phase"] == "Starting"
        assert condition(world) == ("True", "Proved")

    async def test_it_is_tried_again_later_and_later_and_nothing_is_written_meanwhile(self) -> None:
        world = world_with_proof()
        world.network.open |= {isolation.POD}
        await world.submit()
        await world.proved()
        delays = []
        for _ in range(3):
            await world.operator.look_again()
            assert world.operator.delay is not None
            delays.append(world.operator.delay)
            before = len(world.probes)
            written = world.job["metadata"]["resourceVersion"]
            world.clock.pass_(world.operator.delay + 0.1)
            await world.operator.look_again()
            await world.proved()
            assert len(world.probes) == before + 1
            assert world.job["metadata"]["resourceVersion"] == written
        assert delays == [5.0, 10.0, 20.0]
        assert len(world.cluster.of("events")) == 1, "the same news is told once"

    async def test_the_node_is_reported_unless_it_is_required(self) -> None:
        for node, phase in (("Report", "Starting"), ("Require", "Pending")):
            world = world_with_proof(node=node)
            world.network.open |= {isolation.NODE}
            await world.submit()
            await world.proved()
            assert world.status["phase"] == phase

    async def test_what_the_operator_does_not_reach_either_proves_nothing(self) -> None:
        world = world_with_proof()
        world.network.there = frozenset({STORE, isolation.NODE})
        await world.submit()
        await world.proved()
        assert condition(world) == ("Unknown", "NothingProved")
        assert not world.pods

    @pytest.mark.parametrize(
        ("status", "said"),
        [
            ({"containerStatuses": [{"name": "probe", "state": {"waiting": {"reason": "ErrImagePull"}}}]}, "ErrImagePull"),
            ({"containerStatuses": [{"name": "probe", "state": {"terminated": {"exitCode": 2, "message": "\x00"}}}]}, "exit code 2"),
            ({"phase": "Failed", "reason": "DeadlineExceeded"}, "DeadlineExceeded"),
        ],
    )
    async def test_a_probe_that_cannot_run_makes_jobs_wait_and_says_why(self, status: Json, said: str) -> None:
        world = world_with_proof()
        world.network.status = status
        await world.submit()
        await world.proved()
        assert condition(world) == ("Unknown", "ProbeFailed")
        assert said in world.status["conditions"][-1]["message"]
        assert not world.pods, "nothing is left of it"

    async def test_a_quota_that_has_no_room_for_the_probe(self) -> None:
        world = world_with_proof()
        refusal = Forbidden('pods "fumehood-probe" is forbidden: exceeded quota: small')
        world.cluster.fault = lambda method, path, done: refusal if (method, path) == ("POST", PROBE) else None
        await world.submit()
        await world.proved()
        assert condition(world) == ("Unknown", "ProbeFailed")
        assert "exceeded quota" in world.status["conditions"][-1]["message"]

    async def test_a_probe_that_another_operator_left_is_removed(self) -> None:
        world = world_with_proof()
        world.cluster.seed(
            PROBE, {"kind": "Pod", "metadata": {"name": names.PROBE, "namespace": "lab", "uid": "left", "labels": {}}, "status": {}}
        )
        await world.submit()
        await world.proved()
        assert condition(world) == ("Unknown", "ProbeFailed")
        world.clock.pass_(6)
        await world.operator.look_again()
        await world.proved()
        assert world.status["phase"] == "Starting"

    async def test_a_proof_that_takes_long_shows(self) -> None:
        world = world_with_proof()
        await world.submit()
        world.clock.pass_(10)
        await world.operator.look_again()
        assert condition(world) == ("Unknown", "Proving")

    async def test_a_job_that_waits_can_be_cancelled(self) -> None:
        world = world_with_proof()
        world.network.open |= {isolation.POD}
        await world.submit()
        await world.proved()
        await world.cancel()
        assert world.status["phase"] == "Cancelled"

    async def test_switched_off_it_is_not_made_and_the_status_says_so(self) -> None:
        world = World()
        await world.submit()
        await world.runs_well()
        assert world.probes == []
        assert condition(world) == ("Unknown", "Disabled")
        assert world.status["sandbox"]["networkProof"] == "Disabled"


class TestHowLongItHolds:
    async def test_it_is_renewed_while_jobs_go_on(self) -> None:
        world = await warm()
        later(world, 3700)
        await world.submit()
        assert world.status["phase"] == "Starting"
        await world.proved()
        assert len(world.probes) == 2

    async def test_one_that_is_too_old_is_waited_for(self) -> None:
        world = await warm()
        later(world, 7300)
        await world.submit()
        assert condition(world) == ("Unknown", "Proving")
        await world.proved()
        assert world.status["phase"] == "Starting"

    async def test_a_renewal_that_fails_takes_the_proof_away_only_if_something_was_reached(self) -> None:
        for status, opened, phase in (({"phase": "Failed"}, frozenset[str](), "Starting"), (None, {isolation.POD}, "Pending")):
            world = await warm()
            later(world, 3700)
            world.network.status = status
            world.network.open |= opened
            await world.submit("second", "second-uid")
            await world.proved()
            await world.submit()
            await world.proved()
            assert world.status["phase"] == phase

    async def test_a_policy_that_opens_the_network_stops_jobs_and_its_end_lets_them_run(self) -> None:
        world = await warm()
        world.cluster.seed(FOREIGN, allow_all())
        world.network.open |= {isolation.API_SERVER, isolation.POD}
        await world.submit()
        await world.proved()
        assert world.status["phase"] == "Pending"
        assert condition(world) == ("False", "TargetReached")
        world.network.open = frozenset({STORE})
        world.cluster.remove(FOREIGN)
        await world.proved()
        await world.settle()
        await world.proved()
        assert world.status["phase"] == "Starting", "at once: nobody has to wait for the next try"

    @pytest.mark.parametrize("change", [{"podSelector": {"matchLabels": {"none": "none"}}}, {"egress": [{}]}])
    async def test_our_own_policy_changed_by_somebody_is_made_good_and_proved_anew(self, change: Json) -> None:
        world = await warm()
        agreed = world.cluster.objects[POLICY]["spec"]
        world.cluster.change(POLICY, {"spec": change})
        await world.submit()
        assert world.status == {}
        await world.proved()
        assert world.cluster.objects[POLICY]["spec"] == agreed
        assert len(world.probes) == 2
        assert world.status["phase"] == "Starting"

    async def test_our_own_policy_deleted_by_somebody(self) -> None:
        world = await warm()
        world.cluster.remove(POLICY)
        await world.submit()
        await world.proved()
        assert POLICY in world.cluster.objects
        assert len(world.probes) == 2
        assert world.status["phase"] == "Starting"

    async def test_a_policy_that_changes_while_the_probe_runs_makes_its_finding_void(self) -> None:
        world = world_with_proof()
        await world.submit()
        made = asyncio.Event()
        world.cluster.listeners.append(lambda event: made.set() if event["object"]["metadata"]["name"] == names.PROBE else None)
        await made.wait()
        world.cluster.seed(FOREIGN, allow_all())
        world.network.open |= {isolation.POD}
        await world.proved()
        world.network.open -= {isolation.POD}
        await world.proved()
        assert len(world.probes) == 2
        assert world.status["phase"] == "Starting"

    async def test_labels_of_a_policy_change_nothing(self) -> None:
        world = await warm()
        world.cluster.change(POLICY, {"metadata": {"labels": {"seen-by": "somebody"}}})
        await world.submit()
        assert world.status["phase"] == "Starting"

    async def test_a_change_that_was_taken_back_is_proved_anew_nevertheless(self) -> None:
        world = await warm()
        world.cluster.seed(FOREIGN, allow_all())
        world.cluster.remove(FOREIGN)
        world.network.status = {"phase": "Failed"}
        await world.submit()
        await world.proved()
        await world.operator.look_again()
        assert condition(world) == ("Unknown", "ProbeFailed")

    async def test_an_operator_that_ends_removes_its_probes(self) -> None:
        world = world_with_proof()
        made = asyncio.Event()
        world.cluster.listeners.append(lambda event: made.set() if event["object"]["metadata"]["name"] == names.PROBE else None)
        await world.submit()
        await made.wait()
        await world.operator.prover.close()
        assert PROBE not in world.cluster.objects

    async def test_another_operator_believes_it(self) -> None:
        world = await warm()
        await world.restart()
        await world.submit()
        assert world.status["phase"] == "Starting"
        assert len(world.probes) == 1

    async def test_another_operator_believes_no_forged_one_and_none_of_other_policies(self) -> None:
        for change in ("forged", "opened"):
            world = await warm()
            world.operator.alive = False
            if change == "opened":
                world.cluster.seed(FOREIGN, allow_all())
            else:
                kept = json.loads(world.cluster.objects[POLICY]["metadata"]["annotations"][PROVED_AT])
                forged = json.dumps(kept | {"at": "2026-11-01T12:30:00+00:00"})
                world.cluster.change(POLICY, {"metadata": {"annotations": {PROVED_AT: forged}}})
            world.operator.alive = True
            await world.restart()
            await world.submit()
            assert world.status == {}
            await world.proved()
            assert len(world.probes) == 2

    async def test_one_that_cannot_be_written_down_holds_nevertheless(self) -> None:
        world = world_with_proof()
        world.cluster.fault = lambda method, path, done: unavailable() if method == "PUT" else None
        await world.submit()
        await world.proved()
        assert world.status["phase"] == "Starting"
