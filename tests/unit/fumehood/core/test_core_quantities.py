from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood.api.v1alpha1.common import DURATION, QUANTITY
from fumehood.core.quantities import format_bytes, format_seconds, parse_bytes, parse_duration, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("512Mi", 512 << 20),
        ("1.5G", 1_500_000_000),
        ("500m", Decimal("0.5")),
        ("2", 2),
        (7, 7),
        ("0", 0),
        ("1Ti", 1 << 40),
        ("64k", 64_000),
    ],
)
def test_quantities(text: str | int, number: int | Decimal) -> None:
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "Mi", "1GB", "-1", "1e9", " 1", "1 ", "1Mi\n", "٣", "1_0", ".5", "5.", "True", True])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5s", 1.5), ("250ms", 0.25), ("5m", 300), ("1h30m", 5400), ("0s", 0), ("1s1s", 2)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "60", "1d", "-1s", "1m 30s", "s", "1s\n", "٣s", "1.s"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        parse_duration(text)


@given(st.from_regex(re.compile(QUANTITY, re.ASCII), fullmatch=True))
def test_what_the_schema_admits_can_be_read(text: str) -> None:
    assert parse_quantity(text) >= 0


@settings(max_examples=40)
@given(st.from_regex(re.compile(DURATION, re.ASCII), fullmatch=True))
def test_durations_that_the_schema_admits_can_be_read(text: str) -> None:
    assert parse_duration(text) >= 0


def test_bytes_are_whole_and_rounded_up() -> None:
    assert parse_bytes("1.5") == 2
    assert parse_bytes("0.5Ki") == 512


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.001, "0.001s"), (0.0996, "0.100s"), (0.941, "0.94s"), (12.53, "12.5s"), (95.4, "95s"), (0, "0.00s")]
)
def test_seconds_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(512 << 20, "512Mi"), (3 << 29, "1.5Gi"), (300, "300"), (0, "0"), (1 << 40, "1Ti")])
def test_bytes_for_people(count: int, text: str) -> None:
    assert format_bytes(count) == text
