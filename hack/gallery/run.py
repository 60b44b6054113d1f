"""From analyses to what became of them: all as jobs, then, without a sandbox, those whose failure says nothing else."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Callable, Sequence

from fumehood.core.quantities import parse_duration
from gallery.analyses import Analysis
from gallery.causes import Failed, cause, undecided
from gallery.cluster import Gallery
from gallery.jobs import Json
from gallery.report import Outcome


def run(analyses: Sequence[Analysis], at_once: int, tell: Callable[[Outcome], None]) -> None:
    """Run them on the cluster; tell what became of each as soon as it is known."""
    count = itertools.count(1)
    failures: list[tuple[Analysis, Outcome, Failed]] = []
    with Gallery() as gallery:

        def ended(analysis: Analysis, job: Json) -> None:
            outcome, failed = _outcome(analysis, job), gallery.failed(job)
            if failed is None:
                tell(outcome)
            else:
                failures.append((analysis, outcome, failed))
            verdict = f"{failed.category} {failed.reason}" if failed else "succeeded"
            _say(f"{next(count)}/{len(analyses)} {analysis.id}: {verdict}")

        gallery.run(analyses, at_once, ended)
        for analysis, outcome, failed in failures:
            if undecided(failed):
                _say(f"{analysis.id}: once more, without a sandbox")
                failed = dataclasses.replace(failed, plain=gallery.plain(analysis))
            tell(judged(outcome, failed))


def judged(outcome: Outcome, failed: Failed) -> Outcome:
    """Return an outcome with its failure, and why it failed."""
    why, detail = cause(failed)
    tail = failed.stderr or failed.message
    return dataclasses.replace(outcome, category=failed.category, reason=failed.reason, cause=why, detail=detail, tail=tail)


def _outcome(analysis: Analysis, job: Json) -> Outcome:
    status = job["status"]
    seconds = parse_duration((status.get("durations") or {}).get("run", "0s"))
    return Outcome(analysis.source, analysis.path, seconds, artifacts=(status.get("result") or {}).get("artifactCount", 0))


def _say(text: str) -> None:
    print(f"== gallery: {text}", file=sys.stderr, flush=True)
