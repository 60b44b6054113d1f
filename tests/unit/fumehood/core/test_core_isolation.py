"""From what a probe reached to whether jobs may run, and for how long."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest

from fumehood.core import isolation
from fumehood.core.isolation import MEANING, NODE, STORE, Outcome, Proof, Standing, Verdict
from fumehood.settings import NodeRule
from fumehood_sandbox import wire
from unit.fumehood.builders import NOW, at

EVERYTHING = frozenset(MEANING)
HOUR = timedelta(hours=1)
FIT = Verdict(Outcome.PROVED, "")
KEY = b"the operator's"


@pytest.mark.parametrize("name", sorted(EVERYTHING - {STORE, NODE}))
@pytest.mark.parametrize("node", NodeRule)
def test_any_target_that_was_reached_makes_the_namespace_unfit_and_is_named(name: str, node: NodeRule) -> None:
    verdict = isolation.judge({STORE, name}, EVERYTHING, node)
    assert (verdict.fit, verdict.outcome) == (False, Outcome.REACHED)
    assert MEANING[name] in verdict.message
    assert name in verdict.reached


def test_a_target_that_was_reached_counts_whatever_the_control_says() -> None:
    assert isolation.judge({STORE, isolation.POD}, set(), NodeRule.REPORT).fit is False


def test_the_node_is_judged_by_the_setting() -> None:
    reported = isolation.judge({STORE, NODE}, EVERYTHING, NodeRule.REPORT)
    assert reported.fit is True
    assert NODE in reported.reached and NODE not in reported.proved
    assert isolation.judge({STORE, NODE}, EVERYTHING, NodeRule.REQUIRE).fit is False


def test_nothing_reached_but_the_store_is_proof() -> None:
    verdict = isolation.judge({STORE}, EVERYTHING, NodeRule.REPORT)
    assert verdict.fit is True
    assert set(verdict.proved) == EVERYTHING - {STORE}


def test_what_nobody_reaches_proves_nothing() -> None:
    verdict = isolation.judge({STORE}, {STORE, isolation.API_SERVER}, NodeRule.REPORT)
    assert (verdict.fit, verdict.proved) == (True, (isolation.API_SERVER,))
    for control in ({STORE}, {STORE, NODE}):
        unknown = isolation.judge({STORE}, control, NodeRule.REPORT)
        assert (unknown.fit, unknown.outcome) == (None, Outcome.NOTHING_PROVED)


def test_a_store_that_only_the_operator_reaches_makes_jobs_wait() -> None:
    assert isolation.judge(set(), EVERYTHING, NodeRule.REPORT).outcome is Outcome.STORE_SHUT
    assert isolation.judge(set(), EVERYTHING, NodeRule.REPORT).fit is False


def test_a_store_that_is_down_says_nothing_of_the_network() -> None:
    assert isolation.judge(set(), EVERYTHING - {STORE}, NodeRule.REPORT).fit is None


def test_no_message_names_an_address() -> None:
    for reached in (set(), EVERYTHING, {STORE}):
        assert not any(char.isdigit() for char in isolation.judge(reached, EVERYTHING, NodeRule.REQUIRE).message)


@pytest.mark.parametrize(
    ("age", "standing"),
    [
        (0, Standing.FRESH),
        (3599, Standing.FRESH),
        (3600, Standing.DUE),
        (7199, Standing.DUE),
        (7200, Standing.VOID),
        (-60, Standing.FRESH),
        (-3600, Standing.VOID),
    ],
)
def test_a_proof_grows_old(age: float, standing: Standing) -> None:
    assert isolation.standing(Proof(FIT, NOW, "p"), "p", at(age), HOUR) is standing


@pytest.mark.parametrize(
    ("proof", "policies"),
    [
        (None, "p"),
        (Proof(FIT, NOW, "p"), "others"),
        (Proof(Verdict(Outcome.REACHED, ""), NOW, "p"), "p"),
        (Proof(Verdict(Outcome.PROBE_FAILED, ""), NOW, "p"), "p"),
    ],
)
def test_what_is_no_proof(proof: Proof | None, policies: str) -> None:
    assert isolation.standing(proof, policies, NOW, HOUR) is Standing.VOID


def test_retries_come_later_and_later_but_do_come() -> None:
    delays = [isolation.retry_after(failures) for failures in range(1, 100)]
    assert delays == sorted(delays)
    assert (delays[0], delays[1], delays[-1]) == (timedelta(seconds=5), timedelta(seconds=10), timedelta(minutes=5))


def test_a_sealed_proof_is_believed_in_its_namespace_alone() -> None:
    proof = Proof(dataclasses.replace(FIT, reached=(STORE,), proved=(isolation.POD,)), NOW, "p")
    text = isolation.sealed(proof, "lab", KEY)
    found = isolation.unsealed(text, "lab", KEY)
    assert found is not None
    assert (found.at, found.policies, found.verdict.fit) == (NOW, "p", True)
    assert (found.verdict.reached, found.verdict.proved) == ((STORE,), (isolation.POD,))
    assert isolation.unsealed(text, "other", KEY) is None
    assert isolation.unsealed(text, "lab", b"another") is None


@pytest.mark.parametrize(
    "change", [{"outcome": "Proved"}, {"at": "2099-01-01T00:00:00+00:00"}, {"policies": "others"}, {"seal": "é"}, {"seal": None}]
)
def test_a_forged_proof_is_none(change: dict[str, str]) -> None:
    text = isolation.sealed(Proof(Verdict(Outcome.REACHED, ""), NOW, "p"), "lab", KEY)
    assert isolation.unsealed(json.dumps(json.loads(text) | change), "lab", KEY) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '"x"', '{"seal": 5}', "{"])
def test_what_is_no_proof_at_all(text: str) -> None:
    assert isolation.unsealed(text, "lab", KEY) is None


def test_only_what_policies_say_counts_and_all_of_it() -> None:
    one = {"metadata": {"resourceVersion": "1"}, "spec": {"podSelector": {}}}
    assert isolation.digest(one) == isolation.digest(one | {"metadata": {"resourceVersion": "2"}})
    assert isolation.digest(one) != isolation.digest({"spec": {"podSelector": {}, "egress": [{}]}})
    prints = [isolation.fingerprint(policies) for policies in ({}, {"a": "1"}, {"b": "1"}, {"a": "1", "b": "1"})]
    assert len(set(prints)) == 4


def test_the_probe_waits_for_what_has_to_be_so() -> None:
    places = dict.fromkeys(MEANING, ("192.0.2.1", 1))
    errand = isolation.errand(places, NodeRule.REPORT, 2.0, 30.0)
    expected = {target.name: target.open for target in errand.targets}
    assert expected == dict.fromkeys(MEANING, False) | {STORE: True, NODE: None}
    assert {target.name for target in errand.targets if target.protocol is wire.Protocol.DNS} == {isolation.DNS_UDP}
    strict = isolation.errand(places, NodeRule.REQUIRE, 2.0, 30.0)
    assert next(target for target in strict.targets if target.name == NODE).open is False
    assert len(wire.encode(wire.Sighting(wire.VERSION, tuple(MEANING), 1, 0.1))) < wire.MAX_SIGHTING
