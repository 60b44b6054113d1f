"""What scanners object to, and which of it is accepted, each for a reason (pure)."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
FINE = 7  # kube-score grades 1 (critical), 5 (warning), 7 (almost fine), 10


@dataclass(frozen=True)
class Finding:
    """One objection: which rule, to which object (Kind/name)."""

    rule: str
    subject: str
    words: str = ""


@dataclass(frozen=True)
class Accepted:
    """An objection that we know and live with. `subject` is a pattern of Kind/name."""

    rule: str
    subject: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether this is about `finding`."""
        return self.rule == finding.rule and fnmatch.fnmatchcase(finding.subject, self.subject)


def of_checkov(report: Json) -> list[Finding]:
    """Return the failed checks of checkov's JSON report."""
    return [
        Finding(failed["check_id"], _subject(failed["resource"]), failed["check_name"]) for failed in report["results"]["failed_checks"]
    ]


def of_kube_score(report: list[Json]) -> list[Finding]:
    """Return the checks of kube-score's JSON report that are not passed."""
    return [
        Finding(check["check"]["id"], f"{entry['type_meta']['kind']}/{entry['object_meta']['name']}", check["check"]["name"])
        for entry in report
        for check in entry["checks"]
        if not check["skipped"] and check["grade"] < FINE
    ]


def _subject(resource: str) -> str:
    """Return Kind/name of checkov's Kind.namespace.name; a name may hold dots, a namespace none."""
    kind, _, name = resource.split(".", 2)
    return f"{kind}/{name}"


def judge(found: Iterable[Finding], accepted: Iterable[Accepted]) -> tuple[list[Finding], list[Accepted]]:
    """Return the findings that nobody accepted, and what is accepted though nobody objects any more."""
    findings, known = sorted(set(found), key=lambda finding: (finding.rule, finding.subject)), list(accepted)
    new = [finding for finding in findings if not any(entry.covers(finding) for entry in known)]
    stale = [entry for entry in known if not any(entry.covers(finding) for finding in findings)]
    return new, stale
