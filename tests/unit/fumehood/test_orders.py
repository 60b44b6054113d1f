from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fumehood import orders
from fumehood.core import plan
from fumehood.core.access import Readable
from fumehood.core.failures import Refused
from fumehood.core.material import Found
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, describing, environment, job
from unit.fumehood.fakes import FakeStore

DEADLINES = wire.Deadlines(60, 120, 300)


def planned(offer: dict[str, Any] | None = None, **spec: Any) -> plan.Plan:
    one = job(**spec)
    return plan.make_plan(one, environment(**(offer or {})), 1, describing("python3", "main.py", *one.spec.args), Found(), DEADLINES)


def built(one: plan.Plan, store: FakeStore | None = None, buckets: tuple[str, ...] = ("data",)) -> wire.Order:
    raw = orders.build(one, store or FakeStore(), 300.0, Readable("fumehood", buckets))
    return wire.decode(wire.Order, raw, max_bytes=wire.MAX_ORDER)


@pytest.mark.parametrize(("offer", "record"), [({}, False), ({"onViolation": "Fail"}, False), ({"onViolation": "Record"}, True)])
def test_the_environment_says_what_becomes_of_violations(offer: dict[str, Any], record: bool) -> None:
    assert built(planned(offer)).record_violations is record


def test_source_and_inputs_are_checked_alike() -> None:
    for spec in (
        {"source": {"entrypoint": "main.py", "s3": {"uri": "s3://secret/x"}}},
        {"inputs": [{"name": "x", "s3": {"uri": "s3://secret/x"}}]},
    ):
        with pytest.raises(Refused):
            built(planned(**spec))


def test_links_and_permit_live_as_long_as_the_sandbox_may() -> None:
    store = FakeStore()
    one = planned(inputs=[{"name": "x", "s3": {"uri": "s3://data/x"}, "sha256": "sha256:" + "a" * 64}])
    order = built(one, store)
    assert {lifetime for _, lifetime in store.signed} == {300 + one.lifetime + 600}
    assert order.permit.prefix == f"lab/{UID}/1/"
    assert order.inputs[0].remote is not None
    assert order.inputs[0].sha256 == "a" * 64


def test_the_order_is_the_plan_in_the_wires_words() -> None:
    one = planned(args=["--x"], outputs=[{"path": "*.png", "kind": "plot"}], parameters={"a": 1})
    order = built(one)
    assert (order.subject, order.command, order.limits, order.deadlines) == (one.subject, one.command, one.granted.enforced, one.deadlines)
    assert order.outputs == (wire.OutputRule("*.png", "plot"),)
    assert [file.name for file in (*order.source, *order.inputs)] == ["main.py", "parameters.json"]


def test_an_order_too_large_for_a_secret_is_refused_with_both_values() -> None:
    one = planned(args=["\u0001" * 4096] * 40)  # each character becomes six
    with pytest.raises(Refused) as caught:
        built(replace(one, command=wire.Command(one.command.argv * 2, {})))
    assert caught.value.failure.evidence.allowed == str(wire.MAX_ORDER)
