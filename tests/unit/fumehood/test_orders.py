from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fumehood import orders
from fumehood.core import plan
from fumehood.core.access import Readable
from fumehood.core.egress import Block, Grant
from fumehood.core.failures import Reason, Refused
from fumehood.core.material import Found, PlannedFile
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


WEB = {"name": "in.csv", "https": {"url": "https://mirror.example/a/data.csv?v=1"}, "sha256": "a" * 64}


def test_a_file_of_the_web_is_fetched_by_address_with_the_profiles_authority() -> None:
    way = Grant("mirror", (Block("198.51.100.0/28"),), (443,), hosts={"mirror.example": "198.51.100.7"}, ca="PEM")
    store = FakeStore()
    order = built(replace(planned(inputs=[WEB]), egress=way), store)
    (file,) = order.inputs
    assert file.remote == wire.Remote("https://198.51.100.7:443/a/data.csv?v=1", "mirror.example", web=True)
    assert (file.sha256, order.web_ca) == ("a" * 64, "PEM")
    assert [what for what, _ in store.signed] == [order.permit.prefix], "the store signed a way to somebody else"


def test_a_file_of_the_web_without_a_way_out_is_refused() -> None:
    with pytest.raises(Refused, match=r"in\.csv: https\.url: 'mirror\.example': .*spec\.egress") as caught:
        built(planned(inputs=[WEB]))
    assert caught.value.failure.reason is Reason.EGRESS_NOT_ALLOWED


def test_too_many_long_links_are_refused_with_what_to_do() -> None:
    one = planned()
    many = tuple(PlannedFile(f"in/{at}", uri=f"s3://data/{at}/" + "x" * 1000) for at in range(1000))
    with pytest.raises(Refused, match=r"1000 objects .* narrower folders") as caught:
        built(replace(one, inputs=many))
    assert caught.value.failure.evidence.allowed == str(wire.MAX_ORDER)
    assert caught.value.failure.reason is Reason.SPEC_INVALID


def test_an_order_has_room_for_a_folder_of_a_thousand_objects() -> None:
    def link(uri: str, lifetime: float) -> wire.Remote:
        return wire.Remote("https://198.51.100.10:9000/" + uri + "?X-Amz-Signature=" + "s" * 350, "store.example:9000")

    store = FakeStore()
    store.link = link  # type: ignore[method-assign]
    files = tuple(PlannedFile(f"in/2026/{at:04}.csv", uri=f"s3://data/measurements/2026/{at:04}.csv") for at in range(1000))
    assert len(built(replace(planned(), inputs=files), store).inputs) == 1000


def test_an_order_too_large_for_a_secret_is_refused_with_both_values() -> None:
    one = planned(args=["\u0001" * 4096] * 40)  # each character becomes six
    with pytest.raises(Refused) as caught:
        built(replace(one, command=wire.Command(one.command.argv * 2, {})))
    assert caught.value.failure.evidence.allowed == str(wire.MAX_ORDER)
