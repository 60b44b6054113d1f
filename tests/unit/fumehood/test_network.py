"""No job runs before its namespace's network is proved shut, and every way out is recorded."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from fumehood.core import isolation, names
from fumehood.core.isolation import STORE
from fumehood.core.status import stamp
from fumehood.errors import Forbidden
from fumehood.executors.kubernetes import probe
from fumehood.executors.kubernetes.prover import PROVED_AT
from fumehood.kube import policy_path
from unit.fumehood.builders import UID
from unit.fumehood.fakes import nth_write, unavailable
from unit.fumehood.world import JOB, KEY, PODS, PROBE, World

Json = dict[str, Any]
POLICY = policy_path("lab", names.NETWORK_POLICY)
FOREIGN = policy_path("lab", "allow-all")
PROOF = {"enabled": True}
PROFILE = {"cidrs": ["198.51.100.7/32"], "ports": [443], "namespaces": ["lab"], "hosts": {"mirror.example": "198.51.100.7"}}
ASKING = {"profile": "mirror", "reason": "the month's data"}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "POLL", 0.0)


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


def records(caplog: pytest.LogCaptureFixture) -> list[Json]:
    return [json.loads(record.getMessage()) for record in caplog.records if record.name == "fumehood.audit"]


def world_with_profile(**profile: Any) -> World:
    network = {"cluster_ranges": ["10.0.0.0/8"], "profiles": {"mirror": PROFILE | profile}, "proof": {"enabled": False}}
    return World(network=network)


class TestAWayOut:
    async def test_it_is_opened_before_the_pod_and_named_on_it(self) -> None:
        world = world_with_profile()
        await world.submit(egress=ASKING)
        (pod,) = world.pods
        assert pod["metadata"]["labels"]["fumehood.dev/egress"] == "mirror"
        assert pod["spec"]["hostAliases"] == [{"ip": "198.51.100.7", "hostnames": ["mirror.example"]}]
        made = [path for method, path in world.cluster.writes if method == "POST"]
        assert made.index(policy_path("lab", "fumehood-egress-mirror")) < made.index(f"{PODS}/{pod['metadata']['name']}")
        spec = world.cluster.objects[policy_path("lab", "fumehood-egress-mirror")]["spec"]
        assert spec["egress"] == [{"to": [{"ipBlock": {"cidr": "198.51.100.7/32"}}], "ports": [{"protocol": "TCP", "port": 443}]}]

    async def test_it_is_recorded_in_status_event_and_log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "fumehood.audit")
        world = world_with_profile(until="2027-01-01T01:00:00+01:00")
        await world.submit(egress=ASKING)
        await world.runs_well()
        granted = {
            "profile": "mirror",
            "reason": "the month's data",
            "grantedAt": world.status["egress"]["grantedAt"],
            "until": "2027-01-01T00:00:00.000Z",
        }
        assert world.status["phase"] == "Succeeded"
        assert world.status["egress"] == granted
        (told,) = world.cluster.of("events")
        assert (told["reason"], told["regarding"]["kind"], told["regarding"]["uid"]) == ("EgressGranted", "AnalysisJob", UID)
        assert "mirror" in told["note"] and "the month's data" in told["note"] and "2027-01-01" in told["note"]
        (line,) = records(caplog)
        assert line == granted | {
            "record": "EgressGranted",
            "namespace": "lab",
            "name": "co2-trend",
            "uid": UID,
            "attempt": 1,
            "manager": "",
        }

    async def test_who_wrote_the_job_is_told_as_far_as_it_is_known(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "fumehood.audit")
        world = world_with_profile()
        world.operator.alive = False
        await world.submit(egress=ASKING)
        fields = [
            {"manager": "fumehood", "subresource": "status", "time": "2026-10-01T00:00:00Z"},
            {"manager": "editor", "time": "2026-11-01T00:00:02Z"},
            {"manager": "notebook", "time": "2026-11-01T00:00:01Z"},
        ]
        world.cluster.change(JOB, {"metadata": {"managedFields": fields}})
        world.operator.alive = True
        world.operator.add(KEY)
        await world.settle()
        assert [line["manager"] for line in records(caplog)] == ["notebook"]

    async def test_a_note_is_never_longer_than_an_event_may_be(self) -> None:
        world = world_with_profile()
        await world.submit(egress=ASKING | {"reason": "数" * 256})
        (told,) = world.cluster.of("events")
        assert len(told["note"].encode()) <= 1024

    async def test_a_job_without_one_writes_nothing_more(self) -> None:
        plain, profiled = World(), world_with_profile()
        for world in (plain, profiled):
            await world.submit()
            await world.runs_well()
        assert plain.cluster.writes == profiled.cluster.writes
        assert "egress" not in profiled.status

    @pytest.mark.parametrize(
        "egress", [ASKING | {"profile": "none"}, {"profile": "mirror", "reason": "for another namespace"}], ids=["unknown", "not for it"]
    )
    async def test_what_is_not_allowed_makes_no_pod_and_no_policy(self, egress: Json) -> None:
        world = world_with_profile(namespaces=["other"])
        await world.submit(egress=egress)
        assert (world.status["failure"]["category"], world.reason) == ("VALIDATION_ERROR", "EgressNotAllowed")
        assert egress["profile"] in world.status["failure"]["message"]
        assert world.pods == [] and world.cluster.of("networkpolicies") == [] and world.cluster.of("events") == []

    async def test_an_expired_one_is_not_given(self) -> None:
        world = world_with_profile(until="2026-11-01T12:00:00Z")
        await world.submit(egress=ASKING)
        assert world.reason == "EgressNotAllowed"

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("number", range(1, 8))
    async def test_whenever_the_operator_is_killed_the_grant_is_recorded(
        self, caplog: pytest.LogCaptureFixture, number: int, after: bool
    ) -> None:
        caplog.set_level(logging.INFO, "fumehood.audit")
        world = world_with_profile()
        world.cluster.fault = nth_write(number, after=after)
        await world.submit(egress=ASKING)
        for _ in range(3):
            await world.operator.look_again()
        await world.runs_well()
        await world.operator.look_again()
        assert world.status["phase"] == "Succeeded"
        assert world.status["egress"]["profile"] == "mirror"
        assert len(world.cluster.of("events")) == 1
        assert records(caplog)

    async def test_an_event_that_may_not_be_written_stops_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "fumehood.audit")
        world = world_with_profile()
        world.cluster.fault = lambda method, path, done: Forbidden("events") if "/events/" in path else None
        await world.submit(egress=ASKING)
        assert world.status["egress"]["profile"] == "mirror"
        assert records(caplog)

    async def test_its_policy_is_no_reason_to_prove_anew_until_somebody_changes_it(self) -> None:
        world = World(network={"cluster_ranges": ["10.0.0.0/8"], "profiles": {"mirror": PROFILE}, "proof": PROOF})
        await world.submit("earlier", "earlier-uid")
        await world.proved()
        await world.submit(egress=ASKING)
        await world.submit("third", "third-uid")
        assert len(world.pods) == 3 and len(world.probes) == 1
        world.cluster.change(policy_path("lab", "fumehood-egress-mirror"), {"spec": {"podSelector": None}})
        await world.submit("fourth", "fourth-uid")
        await world.proved()
        assert len(world.probes) == 2
