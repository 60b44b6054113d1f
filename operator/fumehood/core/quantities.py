"""Sizes, core counts and durations: between the text of manifests and numbers."""

from __future__ import annotations

import math
import re
from decimal import Decimal

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")


def parse_quantity(text: int | str) -> Decimal:
    """Return the number that a Kubernetes quantity stands for: 512Mi, 1.5G, 500m, 2.

    Raises:
        ValueError: `text` is no quantity.
    """
    found = _QUANTITY.fullmatch(str(text))
    if not found:
        raise ValueError(f"{text!r} is no quantity such as 512Mi, 1.5G or 500m")
    number, unit = Decimal(found[1]), found[2] or ""
    return number / 1000 if unit == "m" else number * _UNITS[unit]


def parse_bytes(text: int | str) -> int:
    """Return a size in whole bytes, rounded up."""
    return math.ceil(parse_quantity(text))


def parse_duration(text: str) -> float:
    """Return the seconds of 1.5s, 250ms, 5m or 1h30m.

    Raises:
        ValueError: `text` is no duration.
    """
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration such as 90s, 5m or 1h30m")
    return float(sum(Decimal(number) * _SECONDS[unit] for number, unit in parts))


def format_seconds(seconds: float) -> str:
    """Return seconds for people and columns: 0.002s, 0.94s, 12.5s, 95s."""
    digits = 3 if 0 < seconds < 0.1 else 2 if seconds < 10 else 1 if seconds < 60 else 0
    return f"{seconds:.{digits}f}s"


def format_bytes(count: float) -> str:
    """Return a size for people: 512Mi, 1.5Gi, 300."""
    for unit in ("Ti", "Gi", "Mi", "Ki"):
        if count >= _UNITS[unit]:
            return f"{count / _UNITS[unit]:.1f}".removesuffix(".0") + unit
    return f"{count:.0f}"


def format_count(count: float) -> str:
    """Return a number of things for people."""
    return f"{count:.0f}"
