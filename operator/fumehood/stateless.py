"""kopf's storages, keeping nothing: for operators that use event handlers alone.

kopf compares every object with the one that it last handled, and keeps progress of
handlers; both cost several deep copies of the object an event, three quarters of
the operator's CPU time, and are of no use to event handlers.
"""

from __future__ import annotations

from typing import Any

import kopf


class NoDiffBase(kopf.DiffBaseStorage):
    """Remembers no object."""

    def build(self, **_: Any) -> Any:
        """Return an essence without anything in it."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Return that nothing was remembered."""

    def store(self, **_: Any) -> None:
        """Remember nothing."""


class NoProgress(kopf.ProgressStorage):
    """Remembers no handler's progress."""

    def fetch(self, **_: Any) -> None:
        """Return that no handler was started."""

    def store(self, **_: Any) -> None:
        """Remember nothing."""

    def purge(self, **_: Any) -> None:
        """There is nothing to forget."""

    def touch(self, **_: Any) -> None:
        """There is nothing to wake up."""

    def clear(self, *, essence: Any) -> Any:
        """Return the essence as it is: it holds no progress."""
        return essence
