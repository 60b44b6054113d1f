"""Records cross the border unchanged, and nothing else crosses it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumehood_sandbox import wire

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
number = st.floats(allow_nan=False, allow_infinity=False)
integer = st.integers(-(2**63) + 1, 2**63 - 1)
for kind, strategy in ((str, text), (float, number), (int, integer)):
    st.register_type_strategy(kind, strategy)

few = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RECORDS = (wire.Order, wire.Manifest, wire.Claim, wire.Hello, wire.Task, wire.Seal)
json_value = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("record", RECORDS)
@few
@given(data=st.data())
def test_what_is_encoded_is_decoded(record: type, data: st.DataObject) -> None:
    value = data.draw(st.from_type(record))
    document = wire.encode(value)
    again = wire.decode(record, document, max_bytes=1 << 22)
    assert again == value
    assert wire.encode(again) == document


@pytest.mark.parametrize("record", RECORDS)
@few
@given(raw=st.binary(max_size=200))
def test_bytes_are_a_record_or_refused(record: type, raw: bytes) -> None:
    with pytest.raises(wire.DecodeError):
        wire.decode(record, raw, max_bytes=200)


@pytest.mark.parametrize("record", RECORDS)
@few
@given(data=st.data())
def test_a_field_of_any_other_shape_is_refused_or_can_be_encoded(record: type, data: st.DataObject) -> None:
    document = wire.to_json(data.draw(st.from_type(record)))
    document[data.draw(st.sampled_from(sorted(document)))] = data.draw(json_value)
    raw = json.dumps(document).encode()
    try:
        wire.encode(wire.decode(record, raw, max_bytes=1 << 22))
    except wire.DecodeError:
        pass


@pytest.mark.parametrize(
    ("record", "raw"),
    [
        (wire.Usage, b'{"wallSeconds":' + b"9" * 400 + b"}"),
        (wire.Usage, b'{"wallSeconds":1e999}'),
        (wire.Usage, b'{"wallSeconds":NaN}'),
        (wire.Usage, b'{"wallSeconds":true}'),
        (wire.Usage, b'{"peakMemoryBytes":9223372036854775808}'),
        (wire.Usage, b'{"peakMemoryBytes":1.0}'),
        (wire.Usage, b"[" * 100_000),
        (wire.Claim, b'{"ending":"Exited","violations":{"\\ud800":1}}'),
        (wire.Claim, b'{"ending":"Exited","detail":"\\ud800"}'),
        (wire.Claim, b'{"ending":[]}'),
        (wire.Claim, b"{}"),
        (wire.Claim, b'\xff\xfe{"ending":"Exited"}'),
    ],
)
def test_what_is_refused(record: Any, raw: bytes) -> None:
    with pytest.raises(wire.DecodeError):
        wire.decode(record, raw, max_bytes=1 << 20)


def test_size_is_checked_before_anything_else() -> None:
    with pytest.raises(wire.DecodeError, match="at most 2 are allowed"):
        wire.decode(wire.Usage, b"{} ", max_bytes=2)


def test_unknown_fields_are_ignored_and_absent_ones_have_their_default() -> None:
    assert wire.decode(wire.Usage, b'{"later":1,"cpuSeconds":2}', max_bytes=99) == wire.Usage(cpu_seconds=2.0)
