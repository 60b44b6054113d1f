"""The corpus and its results as tables for people (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.markup import escape
from rich.table import Column, Table

from .cases import UNCOUNTED_BECAUSE, Case, Expectation
from .judge import Result
from .levels import Level

_HEAD = """# The hostile corpus

What an attacker would try, as jobs: each behaviour is a folder of `tests/hostile/` with a harmless program and the verdict that
it must come to. `fumehood selftest` runs all of them on your own cluster; so does `helm test`, with `selftest.enabled`.

The program itself looks for success, too: whatever works that must not, it prints as `ESCAPED`, and the case fails. No status may show
an internal path or a signature, steer a terminal, or pass 64 KiB.

| | behaviour | must come to | where a level differs |
|---|---|---|---|
"""


def document(cases: Iterable[Case]) -> str:
    """Return the page that lists every behaviour and its expected verdict (Markdown)."""
    return _HEAD + "".join(_row(case) for case in cases)


def report(results: Sequence[Result]) -> str:
    """Return results as Markdown."""
    rows = [
        f"| {result.case.id} | {result.level} | {_cell(result.case.about.title)} | {_cell(result.verdict)} "
        f"| {'pass' if result.passed else 'FAIL: ' + _cell('; '.join(result.faults))} |\n"
        for result in results
    ]
    return "| | level | behaviour | came to | |\n|---|---|---|---|---|\n" + "".join(rows)


def screen(results: Sequence[Result]) -> Table:
    """Return results for a terminal."""
    table = Table(
        "id", "level", Column("behaviour", overflow="fold"), Column("came to", overflow="fold"), Column("", overflow="fold"), box=None
    )
    for result in results:
        outcome = "[green]pass[/]" if result.passed else f"[red]FAIL[/] {escape('; '.join(result.faults))}"
        table.add_row(result.case.id, result.level, escape(result.case.about.title), escape(result.verdict), outcome)
    return table


def _row(case: Case) -> str:
    about = case.about
    return f"| {case.id} | **{_cell(about.title)}.** {_cell(about.attempt)} | {_outcome(case)} | {_differences(case)} |\n"


def _outcome(case: Case) -> str:
    about = case.about
    parts = [f"cannot exist here: {_cell(about.impossible)}"] if about.impossible else []
    if about.refused:
        parts.append(f"refused by the API server ({len(about.refused)} variants)")
    expected = case.expected(Level.RUNC, landlock=False)
    if expected:
        parts.append(" or ".join(f"`{verdict}`" for verdict in expected.verdict))
        if expected.calls:
            parts.append("counted: " + ", ".join(f"`{call}`" for call in expected.calls))
        if expected.rejected:
            reasons = dict.fromkeys(reason for several in expected.rejected.values() for reason in several)
            parts.append("refused entries: " + ", ".join(f"`{reason}`" for reason in reasons))
    return "; ".join(parts)


def _differences(case: Case) -> str:
    about = case.about
    parts = []
    if about.landlock:
        parts.append(_difference("with Landlock", case.expected(Level.RUNC, landlock=True), about.landlock.because))
    for level, difference in about.levels.items():
        parts.append(_difference(level, case.expected(level, landlock=False), difference.because))
    if about.expect and about.expect.get("calls") and Level.GVISOR not in about.levels:
        parts.append(_difference(Level.GVISOR, case.expected(Level.GVISOR, landlock=False), UNCOUNTED_BECAUSE))
    return "; ".join(parts)


def _difference(where: str, expected: Expectation | None, because: str) -> str:
    verdicts = " or ".join(f"`{verdict}`" for verdict in expected.verdict) if expected else ""
    return f"{where}: {verdicts}, for {_cell(because)}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
