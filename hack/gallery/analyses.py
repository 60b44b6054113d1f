"""One analysis: a program that somebody else wrote, with all that it needs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_NAME = 63  # of a job: its Pod and its labels are named after it


@dataclass(frozen=True, order=True)
class Analysis:
    """`files` are the program, as it is, and what it needs beside it, by name."""

    source: str  # whose it is: matplotlib
    path: str  # where it is there: lines_bars_and_markers/stem_plot.py
    environment: str = field(compare=False)
    entrypoint: str = field(compare=False)
    files: Mapping[str, bytes] = field(compare=False, repr=False)

    @property
    def id(self) -> str:
        """What people call it."""
        return f"{self.source}:{self.path}"

    @property
    def name(self) -> str:
        """Name of its job: readable, and another one for each analysis."""
        mark = self._digest[:8]
        readable = re.sub(r"[^a-z0-9]+", "-", f"{self.source}-{self.path}".lower()).strip("-")
        return f"{readable[: MAX_NAME - len(mark) - 1].rstrip('-')}-{mark}"

    @property
    def _digest(self) -> str:
        return hashlib.sha256(self.id.encode()).hexdigest()

    @property
    def rank(self) -> str:
        """Its place in its source's draw. It hangs on nothing but the name: a new version of a source draws nearly the same."""
        return self._digest
