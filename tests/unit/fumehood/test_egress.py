"""A way out of a shut network is opened by name, and every one is recorded."""

from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import Any

import certifi
import pytest

from fumehood.errors import Forbidden
from fumehood.kube import policy_path
from fumehood_sandbox import wire
from unit.fumehood.builders import UID
from unit.fumehood.fakes import nth_write
from unit.fumehood.world import JOB, KEY, PODS, World

Json = dict[str, Any]
PROFILE = {"cidrs": ["198.51.100.7/32"], "ports": [443], "namespaces": ["lab"], "hosts": {"mirror.example": "198.51.100.7"}}
AUTHORITIES = Path(certifi.where()).read_text()[:60_000].rpartition("\n\n")[0]
ASKING = {"profile": "mirror", "reason": "the month's data"}


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
        world = World(network={"cluster_ranges": ["10.0.0.0/8"], "profiles": {"mirror": PROFILE}, "proof": {"enabled": True}})
        await world.submit("earlier", "earlier-uid")
        await world.proved()
        await world.submit(egress=ASKING)
        await world.submit("third", "third-uid")
        assert len(world.pods) == 3 and len(world.probes) == 1
        world.cluster.change(policy_path("lab", "fumehood-egress-mirror"), {"spec": {"podSelector": None}})
        await world.submit("fourth", "fourth-uid")
        await world.proved()
        assert len(world.probes) == 2


def web(host: str = "mirror.example") -> Json:
    return {"inputs": [{"name": "in.csv", "https": {"url": f"https://{host}/data.csv"}, "sha256": "a" * 64}]}


class TestAFileOfTheWeb:
    async def test_its_order_has_the_address_and_the_profiles_authority(self) -> None:
        world = world_with_profile(ca=AUTHORITIES)
        await world.submit(egress=ASKING, **web())
        (secret,) = world.cluster.of("secrets")
        order = wire.decode(wire.Order, base64.b64decode(secret["data"]["order.json"]), max_bytes=wire.MAX_ORDER)
        assert order.inputs[0].remote == wire.Remote("https://198.51.100.7:443/data.csv", "mirror.example", web=True)
        assert order.web_ca is not None and order.web_ca.count("BEGIN CERTIFICATE") > 1
        await world.runs_well()
        assert world.status["phase"] == "Succeeded"
        assert world.status["egress"]["profile"] == "mirror"

    @pytest.mark.parametrize("spec", [web(), web("other.example") | {"egress": ASKING}], ids=["no way out", "another host"])
    async def test_where_no_way_leads_nothing_is_made(self, spec: Json) -> None:
        world = world_with_profile()
        await world.submit(**spec)
        failure = world.status["failure"]
        assert (failure["category"], failure["reason"]) == ("VALIDATION_ERROR", "EgressNotAllowed")
        assert failure["evidence"] == {"entry": "in.csv"}
        assert world.pods == [] and world.cluster.of("networkpolicies") == [] and world.cluster.of("events") == []
