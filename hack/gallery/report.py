"""What became of the analyses, as a page for people and a document for programs (pure)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gallery.causes import MEANING, Cause

AIM = 0.95
PREFACE = """\
# Gallery

Analyses that nobody wrote for Fumehood, each run unmodified as an `AnalysisJob`: the examples that
matplotlib, scikit-learn and statsmodels show in their documentation, R's demonstrations and the
examples of its help pages, TeX Live's sample documents. They come from the package registries, in
the versions of the environments, and are not a part of this repository.

    make gallery                # all of them
    make gallery ONLY=40        # 40, always the same ones; the tests run these
    make gallery GO_ON=1        # the rest of a run that was cut

It needs the cluster of `make deploy`, and writes `build/gallery/`. What fails, and names no cause that
no sandbox can help, is run once more in a plain container of the same image: what fails there, too, is
broken in itself; the rest is a defect of Fumehood.
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one analysis; the last fields only of those that failed."""

    source: str
    path: str
    seconds: float
    artifacts: int = 0
    category: str = ""
    reason: str = ""
    cause: Cause | None = None
    detail: str = ""
    tail: str = ""

    @property
    def id(self) -> str:
        """Which analysis, as people call it."""
        return f"{self.source}:{self.path}"

    @property
    def succeeded(self) -> bool:
        """Whether it ran to its end, unmodified."""
        return self.cause is None


def page(outcomes: Sequence[Outcome]) -> str:
    """Return the page. Without outcomes it says what would be run."""
    if not outcomes:
        return PREFACE
    ordered = sorted(outcomes, key=lambda one: (one.source, one.path))
    return "\n".join([PREFACE, *_sources(ordered), "", *_causes(ordered), *_failures(ordered), ""])


def document(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return the same for programs."""
    return [
        dict(sorted(vars(one).items())) | {"succeeded": one.succeeded} for one in sorted(outcomes, key=lambda one: (one.source, one.path))
    ]


def share(outcomes: Sequence[Outcome], but: tuple[Cause, ...] = ()) -> float:
    """Return which part succeeded, those that failed for a cause of `but` not counted."""
    counted = [one for one in outcomes if one.cause not in but]
    return sum(one.succeeded for one in counted) / len(counted) if counted else 1.0


def _sources(outcomes: Sequence[Outcome]) -> list[str]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for one in outcomes:
        groups[one.source].append(one)
    causes = [cause for cause in Cause if any(one.cause is cause for one in outcomes)]
    lines = ["## Results", "", _row("source", "analyses", "succeeded", "", *causes, "artifacts", "seconds")]
    lines.append(_row(*["---"] * (6 + len(causes))))
    for name, group in [*sorted(groups.items()), ("**all**", list(outcomes))]:
        count = Counter(one.cause for one in group)
        sums = sum(one.artifacts for one in group), f"{sum(one.seconds for one in group):.0f}"
        lines.append(_row(name, len(group), count[None], f"{share(group):.1%}", *(count[cause] or "" for cause in causes), *sums))
    without = share(outcomes, (Cause.NETWORK,))
    lines += ["", f"Of those that do not need the network, {without:.1%} succeeded unmodified (aim: {AIM:.0%})."]
    return lines


def _causes(outcomes: Sequence[Outcome]) -> list[str]:
    """Say what each cause means, and what was needed, most wanted first."""
    lines = []
    for cause in Cause:
        needed = Counter(one.detail for one in outcomes if one.cause is cause)
        if needed:
            wanted = (
                ", ".join(f"{_code(what)} {count}×" for what, count in needed.most_common(12))
                if cause in (Cause.PACKAGE, Cause.PROGRAM)
                else ""
            )
            lines.append(f"- **{cause}**: {MEANING[cause]}{': ' if wanted else ''}{wanted}.")
    return lines


def _failures(outcomes: Sequence[Outcome]) -> list[str]:
    failed = [one for one in outcomes if not one.succeeded]
    if not failed:
        return []
    lines = ["", "## Those that failed", "", _row("analysis", "verdict", "cause", "in its own words"), _row(*["---"] * 4)]
    return lines + [_row(one.id, f"{one.category} {one.reason}", one.cause or "", _code(one.detail)) for one in failed]


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _code(text: str) -> str:
    """What a program printed is data: it may hold whatever Markdown has a meaning for."""
    return f"`{text.replace('`', chr(39)).replace('|', '/')}`" if text else ""
