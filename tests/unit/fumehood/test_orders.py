from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fumehood import orders
from fumehood.core import plan
from fumehood.core.failures import Reason, Refused
from fumehood_sandbox import wire
from unit.fumehood.builders import UID, environment, job
from unit.fumehood.fakes import FakeStore

FOREIGN = f"other/{UID}/1/sha256/abc"
OWN = f"lab/{UID}/1/sha256/abc"


def planned(offer: dict[str, Any] | None = None, **spec: Any) -> plan.Plan:
    one = job(**spec)
    command = wire.Command(("python3", "main.py", *one.spec.args), {})
    return plan.make_plan(one, environment(**(offer or {})), 1, command, plan.source_of(one, None), wire.Deadlines(60, 120, 300))


def built(one: plan.Plan, store: FakeStore | None = None, buckets: tuple[str, ...] = ("data",)) -> wire.Order:
    raw = orders.build(one, store or FakeStore(), 300.0, buckets)
    return wire.decode(wire.Order, raw, max_bytes=wire.MAX_ORDER)


@pytest.mark.parametrize(("offer", "record"), [({}, False), ({"onViolation": "Fail"}, False), ({"onViolation": "Record"}, True)])
def test_the_environment_says_what_becomes_of_violations(offer: dict[str, Any], record: bool) -> None:
    assert built(planned(offer)).record_violations is record


@pytest.mark.parametrize(
    "uri",
    [
        "s3://data/co2.csv",
        f"s3://data/{FOREIGN}",
        f"s3://fumehood/{OWN}",
        "s3://fumehood/public/co2.csv",
        "s3://data/a/...b/c",
    ],
)
def test_what_may_be_read(uri: str) -> None:
    orders.check_readable(uri, "lab", "fumehood", ("fumehood", "data"))


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("s3://secret/co2.csv", id="other-bucket"),
        pytest.param("s3://data.evil/co2.csv", id="bucket-that-begins-alike"),
        pytest.param(f"s3://fumehood/{FOREIGN}", id="results-of-another-namespace"),
        pytest.param(f"s3://fumehood/other/{UID}/1/manifest.json", id="manifest-of-another-namespace"),
        pytest.param(f"s3://fumehood/lab2/{UID}/1/x", id="namespace-that-begins-alike"),
        pytest.param(f"s3://fumehood/{OWN}/../../../../{FOREIGN}", id="dot-dot"),
        pytest.param("s3://data/../fumehood/x", id="first-dot-dot"),
        pytest.param("s3://data/a/./b", id="dot"),
        pytest.param(f"s3://fumehood//{FOREIGN}", id="empty-part"),
        pytest.param("s3://data/a/", id="folder"),
        pytest.param("s3://data", id="no-key"),
    ],
)
def test_what_may_not_be_read(uri: str) -> None:
    with pytest.raises(Refused) as caught:
        orders.check_readable(uri, "lab", "fumehood", ("fumehood", "data"))
    assert caught.value.failure.reason is Reason.INPUT_NOT_ALLOWED


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
    assert order.inputs[0].max_bytes == one.granted.enforced.disk


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
