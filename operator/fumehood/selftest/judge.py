"""Whether a job came to what its case expects: a pure function of what was observed.

Every check returns what is wrong, in words; no words, no fault. Beside what the
case lists, some things hold for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from fumehood_sandbox import wire

from ..api.v1alpha1 import AnalysisJobStatus
from ..core.sanitise import printable
from .cases import Case, Expectation
from .levels import Level

# What a program of the corpus prints when something worked that must not, and when the attack itself is at fault.
ESCAPED, BROKEN = "ESCAPED", "BROKEN"
MAX_STATUS = 64 << 10
# Ours: no user's text shows them, whatever the program does.
INTERNAL = ("/opt/fumehood", "/run/fumehood", "fumehood_sandbox")
_SIGNATURE = re.compile(r"(?i)x-amz-signature\W{1,4}[0-9a-f]{16}")
_SHOWN = 160


@dataclass(frozen=True)
class Observation:
    """All that is known of a job that ended. What was not asked of the store is None."""

    status: AnalysisJobStatus
    manifest: wire.Manifest | None = None
    stdout: bytes | None = None
    stderr: bytes | None = None
    contents: dict[str, bytes] = field(default_factory=dict)  # of some artifacts, by name

    @property
    def verdict(self) -> str:
        """Succeeded, Cancelled or CATEGORY/Reason; before the end, the phase."""
        failure = self.status.failure
        return f"{failure.category}/{failure.reason}" if failure else str(self.status.phase or "not seen")


@dataclass(frozen=True)
class Result:
    """What came of one case at one level; without faults it passed."""

    case: Case
    level: str
    verdict: str
    faults: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing was wrong."""
        return not self.faults


def faults(expected: Expectation, seen: Observation, level: Level | None) -> list[str]:
    """Return what is wrong; `level`: the one that was asked for, if one was."""
    checks = (_ending, _always, _artifacts, _refused, _logs)
    found = [fault for check in checks for fault in check(expected, seen)]
    sandbox = seen.status.sandbox
    if level and sandbox and sandbox.level != level:
        found.append(f"ran at level {sandbox.level}, not at {level}")
    return found


def _ending(expected: Expectation, seen: Observation) -> Iterator[str]:
    if seen.verdict not in expected.verdict:
        said = f": {seen.status.failure.message[:_SHOWN]}" if seen.status.failure else ""
        yield f"{seen.verdict} instead of {' or '.join(expected.verdict)}{said}"
        return
    failure = seen.status.failure
    if failure is None:
        return
    evidence = failure.evidence
    calls = evidence.system_calls or {}
    if missing := [call for call in expected.calls if not calls.get(call)]:
        yield f"not counted as refused: {', '.join(missing)} (counted: {', '.join(calls) or 'nothing'})"
    if expected.limit is not None and (evidence.limit != expected.limit or not evidence.allowed or not evidence.measured):
        yield f"the evidence is {evidence.limit} {evidence.allowed} {evidence.measured}, not of {expected.limit}"
    if expected.exit_code is not None and evidence.exit_code != expected.exit_code:
        yield f"exit code {evidence.exit_code}, not {expected.exit_code}"
    yield from (f"the message lacks {text!r}" for text in expected.message if text not in failure.message)


def _always(expected: Expectation, seen: Observation) -> Iterator[str]:
    status = seen.status.model_dump_json(by_alias=True)
    document = wire.encode(seen.manifest).decode() if seen.manifest else ""
    yield from _holds("status", _unquoted(status), (*INTERNAL, *expected.hidden, *expected.never))
    if _SIGNATURE.search(status):
        yield "the status holds a signature"
    yield from _holds("manifest", _unquoted(document), expected.never)
    yield from _holds("stderr", _text(seen.stderr), expected.never)
    # The program's own texts, where it says that something worked that must not.
    own = {"stdout": seen.stdout} | {f"artifact {name!r}": raw for name, raw in seen.contents.items()}
    for place, raw in own.items():
        yield from _holds(place, _text(raw), (ESCAPED, BROKEN, *expected.never))
    if len(status) > MAX_STATUS:
        yield f"the status has {len(status)} bytes"
    failure = seen.status.failure
    if failure and printable(failure.message) != failure.message:
        yield "the failure's message steers a terminal"


def _artifacts(expected: Expectation, seen: Observation) -> Iterator[str]:
    found = _sealed(seen)
    names = [artifact.name for artifact in found]
    if len(names) != len(set(names)):
        yield "an artifact is there twice"
    if expected.artifacts is not None:
        yield from (f"no artifact {glob!r}" for glob in expected.artifacts if not any(fnmatchcase(name, glob) for name in names))
        own = [artifact.name for artifact in found if not artifact.preview]
        others = [name for name in own if not any(fnmatchcase(name, glob) for glob in expected.artifacts)]
        if others:
            yield f"{len(others)} artifacts that must not be there: {others[0][:_SHOWN]!r}"
    if seen.manifest and any(
        not found.key.endswith(wire.OBJECT_DIR + found.digest.removeprefix("sha256:")) for found in seen.manifest.artifacts
    ):
        yield "an object's key is made of more than its digest"
    formats = {artifact.name: artifact.format for artifact in found}
    yield from (f"{name} is {formats.get(name)}, not {form}" for name, form in expected.formats.items() if formats.get(name) != form)
    active = sorted(artifact.name for artifact in found if artifact.active)
    if expected.active is not None and active != sorted(expected.active):
        yield f"active: {active}, not {sorted(expected.active)}"
    result = seen.status.result
    if expected.complete is not None and result is not None and result.manifest.complete is not expected.complete:
        yield f"complete: {result.manifest.complete}"


def _refused(expected: Expectation, seen: Observation) -> Iterator[str]:
    if seen.manifest is None:
        return
    rejected = seen.manifest.rejected
    for glob, reasons in expected.rejected.items():
        found = {str(entry.reason) for entry in rejected if fnmatchcase(entry.name, glob)}
        if not found & set(reasons):
            yield f"{glob!r} was refused for {', '.join(found) or 'nothing'}, not for {' or '.join(reasons)}"


def _logs(expected: Expectation, seen: Observation) -> Iterator[str]:
    if seen.stdout is not None:
        yield from (
            f"stdout lacks {text!r}: {_text(seen.stdout)[-_SHOWN:]!r}" for text in expected.prints if text.encode() not in seen.stdout
        )
    logs = seen.status.result.logs if seen.status.result else None
    if expected.truncated is not None and logs is not None:
        truncated = any(log.truncated for log in (logs.stdout, logs.stderr) if log)
        if truncated is not expected.truncated:
            yield f"logs truncated: {truncated}"


@dataclass(frozen=True)
class _Sealed:
    name: str
    format: str
    active: bool
    preview: bool  # which an adapter makes, of whatever there is


def _sealed(seen: Observation) -> list[_Sealed]:
    """All artifacts by the manifest; without it the first ones, which the status holds."""
    listed = seen.status.result.artifacts if seen.status.result else ()
    known = seen.manifest.artifacts if seen.manifest is not None else listed
    return [_Sealed(found.name, found.format, found.active, bool(found.preview_of)) for found in known]


def _holds(place: str, text: str, words: tuple[str, ...]) -> Iterator[str]:
    for word in words:
        if (at := text.find(word)) >= 0:
            yield f"{place} holds {word!r}: {text[at : at + _SHOWN]!r}"


def _unquoted(document: str) -> str:
    """JSON as its readers see it, near enough to find words in."""
    return document.replace('\\"', '"').replace("\\\\", "\\")


def _text(raw: bytes | None) -> str:
    return (raw or b"").decode("utf-8", "replace")
