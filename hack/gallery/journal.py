"""What became of each analysis, on disk as soon as it is known: a run of an hour may be cut, and goes on later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from gallery.causes import Cause
from gallery.report import Outcome


class Journal:
    """One JSON document a line."""

    def __init__(self, path: Path, go_on: bool) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.known = {outcome.id: outcome for outcome in _read(path)} if go_on else {}
        path.write_text("".join(_line(outcome) for outcome in self.known.values()))
        self._path = path

    def add(self, outcome: Outcome) -> None:
        """Keep an outcome."""
        self.known[outcome.id] = outcome
        with self._path.open("a") as file:
            file.write(_line(outcome))


def _line(outcome: Outcome) -> str:
    return json.dumps(vars(outcome)) + "\n"


def _read(path: Path) -> Iterator[Outcome]:
    """A line that was cut with its run is left out: its analysis runs again."""
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            fields = json.loads(line)
        except ValueError:
            continue
        yield Outcome(**fields | {"cause": Cause(fields["cause"]) if fields["cause"] else None})
