"""What to do next about one job: a function of what is, never of what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fumehood_sandbox import wire

from ..api.v1alpha1 import AnalysisJob, Phase
from . import classify
from .failures import Failure, Reason
from .observation import SandboxFacts

# A program that ends sooner never shows as running: that saves a write for each short job.
RUNNING_AFTER = timedelta(seconds=2)
# How long after a seal the kubelet's report of the other container is waited for.
REPORT_GRACE = timedelta(seconds=10)
# How long a sandbox whose job is final may take to end by itself before it is deleted.
RELEASE_GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class View:
    """All that a decision rests on.

    `sandbox` is None if there is none; `manifest` is verified and there once it was
    fetched; `unsealed` says why the sealed manifest cannot be believed.
    """

    job: AnalysisJob
    now: datetime
    slot: bool
    start_deadline: timedelta
    sandbox: SandboxFacts | None = None
    manifest: wire.Manifest | None = None
    unsealed: Failure | None = None


@dataclass(frozen=True)
class Launch:
    """Make the sandbox of this attempt."""

    attempt: int


@dataclass(frozen=True)
class Fetch:
    """Read and verify the manifest that the seal names."""

    seal: wire.Seal


@dataclass(frozen=True)
class Progress:
    """Record a phase that is not final."""

    phase: Phase


@dataclass(frozen=True)
class Finish:
    """Record the verdict, for good. No failure and not cancelled: it succeeded."""

    failure: Failure | None = None
    cancelled: bool = False


@dataclass(frozen=True)
class Stop:
    """Ask the sandbox to end and to seal what there is."""


@dataclass(frozen=True)
class Release:
    """Delete the sandbox and its Secret: the job is final."""


@dataclass(frozen=True)
class Expire:
    """Delete the job: its time to live is over."""


@dataclass(frozen=True)
class Wait:
    """Nothing to do until something changes, or `seconds` have passed."""

    seconds: float | None = None


Action = Launch | Fetch | Progress | Finish | Stop | Release | Expire | Wait


def decide(view: View) -> Action:
    """Return the one next thing to do."""
    if view.job.metadata.deletion_timestamp:
        return _deleted(view)
    if view.job.status.final:
        return _after_the_end(view)
    if view.sandbox is None:
        return _without_sandbox(view)
    if view.sandbox.collector.terminated or view.sandbox.ended:
        return _conclude(view, view.sandbox)
    return _underway(view, view.sandbox)


def _deleted(view: View) -> Action:
    """End a job that stays for somebody's finalizer: nobody waits for its result, and its place is for others."""
    if view.sandbox is None:
        return Wait() if view.job.status.final else Finish(cancelled=True)
    return Wait() if view.sandbox.deleting and not view.sandbox.ended else Release()


def _after_the_end(view: View) -> Action:
    finished = _finished_at(view)
    if view.sandbox is not None:
        if view.sandbox.deleting and not view.sandbox.ended:
            return Wait()  # it is going already
        over = view.sandbox.ended or not view.sandbox.analysis.started or view.now >= finished + RELEASE_GRACE
        return Release() if over else Wait(_seconds(finished + RELEASE_GRACE - view.now))
    ttl = view.job.spec.ttl_seconds_after_finished
    if ttl is None:
        return Wait()
    due = finished + timedelta(seconds=ttl)
    return Expire() if view.now >= due else Wait(_seconds(due - view.now))


def _without_sandbox(view: View) -> Action:
    status = view.job.status
    if view.job.spec.cancel:
        return Finish(cancelled=True)
    if status.attempt is not None:
        return Finish(Failure(Reason.POD_LOST, "the Pod is gone and left no result: it was deleted, or its node is lost"))
    if view.slot:
        return Launch(attempt=1)
    return Progress(Phase.PENDING) if status.phase is None else Wait()


def _conclude(view: View, sandbox: SandboxFacts) -> Action:
    seal = sandbox.seal
    if view.unsealed:
        return _end(view, view.unsealed)
    if seal is None or seal.digest is None:
        return _end(view, classify.without_manifest(sandbox))
    if view.manifest is None:
        return Fetch(seal)
    if view.manifest.claim.ending is wire.Ending.RUNNER_LOST and not sandbox.analysis.terminated:
        # The kubelet knows why (out of memory?), and tells a moment later.
        waited = view.now - (sandbox.collector.finished_at or view.now)
        if waited < REPORT_GRACE and not sandbox.ended:
            return Wait(_seconds(REPORT_GRACE - waited))
    if view.job.spec.cancel and view.manifest.claim.ending in (wire.Ending.TERMINATED, wire.Ending.NOT_STARTED, wire.Ending.RUNNER_LOST):
        return Finish(cancelled=True)
    return Finish(classify.with_manifest(sandbox, view.manifest))


def _underway(view: View, sandbox: SandboxFacts) -> Action:
    age = view.now - sandbox.created_at
    up = sandbox.collector.started and sandbox.analysis.started
    if view.job.spec.cancel and not up and not sandbox.scheduled:
        return Finish(cancelled=True)
    # On a node, its program may run a second and more before the kubelet says so.
    if not up and (age >= view.start_deadline or classify.image_trouble(sandbox)):
        return _end(view, classify.not_started(sandbox))
    if sandbox.gone_by and view.now >= sandbox.gone_by:
        return _end(view, Failure(Reason.POD_LOST, "the node reports nothing of the Pod since all of its deadlines have passed"))
    if view.job.spec.cancel and not sandbox.stopping:
        return Stop()
    phase = Phase.HARVESTING if sandbox.stopping or sandbox.deleting else Phase.RUNNING if up else Phase.STARTING
    if _is_later(phase, view.job.status.phase):
        settled = (sandbox.analysis.started_at or view.now) + RUNNING_AFTER
        if phase is Phase.RUNNING and view.now < settled:
            return Wait(_seconds(settled - view.now))
        return Progress(phase)
    if not up:
        return Wait(_seconds(view.start_deadline - age))
    return Wait(_seconds(sandbox.gone_by - view.now if sandbox.gone_by else view.start_deadline))


def _end(view: View, failure: Failure) -> Finish:
    return Finish(cancelled=True) if view.job.spec.cancel else Finish(failure)


_ORDER = (None, Phase.PENDING, Phase.STARTING, Phase.RUNNING, Phase.HARVESTING)


def _is_later(phase: Phase, than: Phase | None) -> bool:
    return _ORDER.index(phase) > _ORDER.index(than)


def _finished_at(view: View) -> datetime:
    times = view.job.status.times
    return datetime.fromisoformat(times.finished) if times and times.finished else view.now


def _seconds(span: timedelta) -> float:
    return max(span.total_seconds(), 0.05)
