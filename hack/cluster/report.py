"""What every part of the tool says and how it fails.

One error type with two sentences (what is wrong, what to do), so that no user
meets a traceback for something that the machine or the caller can mend.
"""

from __future__ import annotations

import sys
import time


class ClusterError(Exception):
    """A failure that the user can act on: ``problem`` says what, ``remedy`` what to do."""

    def __init__(self, problem: str, remedy: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n  hint: {self.remedy}" if self.remedy else self.problem


_BEGAN = time.monotonic()


def say(message: str) -> None:
    """One line of progress, with the seconds since the tool started; stdout is for data."""
    # One write: the compiler's thread and the starting node speak at the same time.
    sys.stderr.write(f"[{time.monotonic() - _BEGAN:6.1f}s] {message}\n")
    sys.stderr.flush()
