"""The page counts what it was given, and shows hostile words as words."""

from __future__ import annotations

import json

from gallery.causes import Cause
from gallery.report import PREFACE, Outcome, document, page, share

GOOD = [Outcome("r", f"{at}", 1.5, artifacts=2) for at in range(3)]
LOST = Outcome("r", "net", 1.0, category="USER_CODE_ERROR", reason="NonZeroExit", cause=Cause.NETWORK, detail="URLError")
LACKS = [
    Outcome("python", f"{at}", 1.0, category="DEPENDENCY_ERROR", reason="PackageMissing", cause=Cause.PACKAGE, detail="polars")
    for at in range(2)
]


def test_shares() -> None:
    assert share([*GOOD, LOST]) == 0.75
    assert share([*GOOD, LOST], (Cause.NETWORK,)) == 1.0
    assert share([]) == 1.0


def test_the_page_counts_by_source_and_cause() -> None:
    text = page([*GOOD, LOST, *LACKS])
    assert "| source | analyses | succeeded |  | network | package | artifacts | seconds |" in text
    assert "| r | 4 | 3 | 75.0% | 1 |  | 6 | 6 |" in text
    assert "| python | 2 | 0 | 0.0% |  | 2 | 0 | 2 |" in text
    assert "| **all** | 6 | 3 | 50.0% | 1 | 2 | 6 | 8 |" in text
    assert "60.0% succeeded unmodified" in text
    assert "`polars` 2×" in text


def test_without_a_run_there_are_no_results() -> None:
    assert page([]) == PREFACE


def test_what_a_program_printed_cannot_break_the_table() -> None:
    odd = Outcome("r", "odd", 1.0, category="X", reason="Y", cause=Cause.OURS, detail="a `b` | c")
    (line,) = [line for line in page([odd]).splitlines() if line.startswith("| r:odd")]
    assert line == "| r:odd | X Y | ours | `a 'b' / c` |"


def test_programs_read_the_same() -> None:
    found = json.loads(json.dumps(document([LOST, *GOOD])))
    assert [one["succeeded"] for one in found] == [True, True, True, False]
    assert found[3]["cause"] == "network"
