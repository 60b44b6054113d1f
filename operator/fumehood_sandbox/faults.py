"""What can go wrong with the object store, or with a web server, and what to do about it.

Faults are sorted here, once, into those that another try may cure and those
that are final. Messages never hold a URL, a host or a header: they end where
users read them.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from .border.claim import Fault

T = TypeVar("T")

_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_RETRYABLE = {408, 425, 429}


class StoreError(Exception):
    """The store did not do what was asked."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


class TooMuch(StoreError):
    """An input has more bytes than there is room for; `measured` is what it has at least."""

    def __init__(self, measured: int) -> None:
        super().__init__(Fault.INPUT_TOO_LARGE, "too large")
        self.measured = measured


class Unavailable(StoreError):
    """Another try may succeed."""

    def __init__(self, detail: str) -> None:
        super().__init__(Fault.STORE_UNREACHABLE, detail)


class Late(StoreError):
    """The deadline passed between two steps, of which the last one went well."""

    def __init__(self) -> None:
        super().__init__(Fault.STORE_UNREACHABLE, "the deadline is over")


def patience(deadline: float, most: float) -> float:
    """Seconds to wait for one step.

    Raises:
        Late: the deadline is over.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        raise Late
    return min(left, most)


def sort_status(status: int, what: str) -> StoreError:
    """The error for a response that is no success."""
    detail = f"{what}: status {status}"
    if status >= 500 or status in _RETRYABLE:
        return Unavailable(detail)
    return StoreError(Fault.STORE_REFUSED, detail)


def retry(action: Callable[[], T], deadline: float, stop: Callable[[], bool] = lambda: False) -> T:
    """Call `action` until it is not `Unavailable`, with growing, jittered pauses, up to `deadline`.

    A store that has failed is what there is to report, also if the deadline passes in a later try.
    """
    pause = _PAUSE
    failure: Unavailable | None = None
    while True:
        try:
            return action()
        except Late as late:
            raise failure or late from None
        except Unavailable as error:
            failure = error
            wait = pause * (0.5 + os.urandom(1)[0] / 255)
            if stop() or time.monotonic() + wait >= deadline:
                raise
        time.sleep(wait)
        pause = min(pause * 2, _LONGEST_PAUSE)
