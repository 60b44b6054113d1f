"""The time of day, as records carry it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the present instant in UTC, RFC 3339 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
