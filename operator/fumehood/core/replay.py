"""Whether a job gave again what another one gave, and what was not as it was then (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fumehood_sandbox import wire

from ..api.v1alpha1 import AnalysisJobSpec, AnalysisJobStatus, ReplayedArtifact, ReplayStatus, Sameness
from ..api.v1alpha1.status import MAX_ARTIFACTS
from . import sanitise
from .program import DRIVER

MAX_REASONS = 16
_LONGEST = 512
_SPEC = {"args": "spec.args", "outputs": "spec.outputs", "previews": "spec.previews", "limits": "spec.limits", "egress": "spec.egress"}


@dataclass(frozen=True)
class Run:
    """One job that is over, and its manifest, verified."""

    spec: AnalysisJobSpec
    status: AnalysisJobStatus
    manifest: wire.Manifest


def compare(name: str, uid: str, before: Run, after: Run) -> ReplayStatus:
    """Return what came of repeating the job `name`: artifact by artifact, and why."""
    artifacts = sorted(_artifacts(before.manifest, after.manifest), key=lambda one: (one.verdict is Sameness.SAME, one.name))
    same = sum(one.verdict is Sameness.SAME for one in artifacts)
    ended = _outcome(before.status) == _outcome(after.status)
    reproduced = ended and same == len(artifacts)
    reasons = [*_reasons(before, after)]
    if not reproduced and not reasons:
        reasons = [
            "nothing that is known was different: the program itself does not do the same twice; "
            "look for clocks, random numbers without spec.seed, and the order of threads, sets and folders"
        ]
    return ReplayStatus(
        job=name,
        uid=uid,
        reproduced=reproduced,
        same=same,
        different=len(artifacts) - same,
        artifacts=tuple(artifacts[:MAX_ARTIFACTS]),
        reasons=tuple(_bounded(reasons)),
    )


def incomparable(name: str, uid: str, reason: str) -> ReplayStatus:
    """Return the status of a replay that there is nothing to compare of."""
    return ReplayStatus(job=name, uid=uid, reproduced=False, reasons=(reason[:_LONGEST],))


def _outcome(status: AnalysisJobStatus) -> tuple[str, str]:
    return str(status.phase or ""), status.failure.reason if status.failure else ""


def _artifacts(before: wire.Manifest, after: wire.Manifest) -> Iterator[ReplayedArtifact]:
    old = {one.name: one for one in before.artifacts}
    new = {one.name: one for one in after.artifacts}
    refused = {one.name: one.reason for one in after.rejected}
    for name in sorted(old.keys() | new.keys()):
        then, now = old.get(name), new.get(name)
        if then is None:
            verdict, reason = Sameness.ADDED, ""
        elif now is None:
            verdict, reason = Sameness.MISSING, f"it was refused: {refused[name]}" if name in refused else ""
        elif then.digest == now.digest:
            verdict, reason = Sameness.SAME, ""
        else:
            verdict, reason = Sameness.DIFFERENT, _difference(then, now)
        yield ReplayedArtifact(name=sanitise.printable(name)[:1024], verdict=verdict, reason=reason)


def _difference(then: wire.Artifact, now: wire.Artifact) -> str:
    if then.format != now.format:
        return f"{then.format} then, {now.format} now"
    if then.size != now.size:
        return f"{then.size} bytes then, {now.size} now"
    return "as many bytes, but others"


def _reasons(before: Run, after: Run) -> Iterator[str]:
    if (then := _outcome(before.status)) != (now := _outcome(after.status)):
        yield f"it ended as {' '.join(then).strip()} then, as {' '.join(now).strip()} now"
    known = [*_environment(before.manifest, after.manifest), *_files(before.manifest, after.manifest)]
    known += _isolation(before.status, after.status)
    known += [f"{field} is another" for name, field in _SPEC.items() if getattr(before.spec, name) != getattr(after.spec, name)]
    yield from known
    keys = (before.manifest.provenance.key, after.manifest.provenance.key)
    if not known and all(keys) and keys[0] != keys[1]:
        yield "the environment has other variables, default limits or settings"


def _environment(before: wire.Manifest, after: wire.Manifest) -> Iterator[str]:
    then, now = before.provenance, after.provenance
    if before.env_version != after.env_version:
        yield f"the environment was {before.env_version}, and is {after.env_version}"
    if _image(then) != _image(now):
        yield f"the environment's image was {_image(then)}, and is {_image(now)}"
    if then.adapter != now.adapter:
        yield f"the adapter was {then.adapter!r}, and is {now.adapter!r}"
    if then.seed != now.seed:
        yield f"the seed was {_shown(then.seed)}, and is {_shown(now.seed)}"


def _image(provenance: wire.Provenance) -> str:
    return provenance.image.rpartition("@")[2]


def _shown(seed: int | None) -> str:
    return "none" if seed is None else str(seed)


def _files(before: wire.Manifest, after: wire.Manifest) -> Iterator[str]:
    for what, then, now in (("source file", before.source, after.source), ("input", before.inputs, after.inputs)):
        old, new = {file.name: file.digest for file in then}, {file.name: file.digest for file in now}
        changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        if any(name.startswith(f"{DRIVER}/") for name in changed):
            yield "the adapter is of another version"
        for name in changed:
            if not name.startswith(f"{DRIVER}/"):
                yield f"{what} {sanitise.printable(name)[:200]!r} was {old.get(name, 'not there')}, and is {new.get(name, 'not there')}"


def _isolation(before: AnalysisJobStatus, after: AnalysisJobStatus) -> Iterator[str]:
    then, now = (status.sandbox.level if status.sandbox else "" for status in (before, after))
    if then and now and then != now:
        yield f"it was isolated by {then}, and is by {now}"


def _bounded(reasons: Iterable[str]) -> list[str]:
    found = [reason[:_LONGEST] for reason in reasons]
    return found if len(found) <= MAX_REASONS else [*found[: MAX_REASONS - 1], f"and {len(found) - MAX_REASONS + 1} more"]
