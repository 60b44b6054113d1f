"""What a run of the gallery found out stays, whatever becomes of the run."""

from __future__ import annotations

from pathlib import Path

from gallery.causes import Cause
from gallery.journal import Journal
from gallery.report import Outcome

WELL = Outcome("r", "a", 1.0, artifacts=2)
ILL = Outcome("r", "b", 2.0, category="X", reason="Y", cause=Cause.NETWORK, detail="d", tail="t")


def kept(path: Path) -> dict[str, Outcome]:
    journal = Journal(path, go_on=False)
    journal.add(WELL)
    journal.add(ILL)
    return journal.known


def test_the_next_run_knows_what_the_last_one_found_out(tmp_path: Path) -> None:
    path = tmp_path / "build" / "outcomes.jsonl"
    assert kept(path) == Journal(path, go_on=True).known == {"r:a": WELL, "r:b": ILL}


def test_a_new_run_knows_nothing(tmp_path: Path) -> None:
    kept(tmp_path / "outcomes.jsonl")
    assert Journal(tmp_path / "outcomes.jsonl", go_on=False).known == {}


def test_a_line_that_was_cut_is_no_outcome(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    kept(path)
    path.write_text(path.read_text()[:-10])
    journal = Journal(path, go_on=True)
    assert journal.known == {"r:a": WELL}
    journal.add(ILL)
    assert Journal(path, go_on=True).known == {"r:a": WELL, "r:b": ILL}
