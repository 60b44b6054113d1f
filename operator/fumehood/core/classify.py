"""From facts to a verdict: ordered checks, the first that speaks decides.

Evidence is ranked. What the kubelet reports of containers comes before what the
collector recorded, and that before what the runner claims, which shared its
container with hostile code.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from fumehood_sandbox import wire

from ..api.v1alpha1 import Evidence
from . import sanitise
from .failures import Failure, Reason
from .observation import ContainerFacts, SandboxFacts
from .quantities import format_bytes, format_count, format_seconds

MAX_TEXT = 1500

LIMIT_REASON = {
    wire.Limit.WALL_CLOCK: Reason.WALL_CLOCK_EXCEEDED,
    wire.Limit.CPU_TIME: Reason.CPU_TIME_EXCEEDED,
    wire.Limit.MEMORY: Reason.OUT_OF_MEMORY,
    wire.Limit.DISK: Reason.DISK_EXCEEDED,
    wire.Limit.OUTPUT: Reason.OUTPUT_EXCEEDED,
    wire.Limit.PROCESSES: Reason.PROCESSES_EXCEEDED,
    wire.Limit.OPEN_FILES: Reason.OPEN_FILES_EXCEEDED,
    wire.Limit.FILE_SIZE: Reason.FILE_SIZE_EXCEEDED,
    wire.Limit.FILES: Reason.FILES_EXCEEDED,
    wire.Limit.ARTIFACTS: Reason.TOO_MANY_ARTIFACTS,
    wire.Limit.ARTIFACT_BYTES: Reason.ARTIFACT_BYTES_EXCEEDED,
    wire.Limit.HARVEST: Reason.HARVEST_TIME_EXCEEDED,
}
_SECONDS = {wire.Limit.WALL_CLOCK, wire.Limit.CPU_TIME, wire.Limit.HARVEST}
_COUNTS = {wire.Limit.PROCESSES, wire.Limit.OPEN_FILES, wire.Limit.FILES, wire.Limit.ARTIFACTS}
FAULT_REASON = {
    wire.Fault.SOURCE_MISSING: Reason.SOURCE_MISSING,
    wire.Fault.INPUT_MISSING: Reason.INPUT_MISSING,
    wire.Fault.INPUT_DIGEST: Reason.INPUT_DIGEST_MISMATCH,
    wire.Fault.INPUT_TOO_LARGE: Reason.INPUT_TOO_LARGE,
    wire.Fault.INPUT_UNAVAILABLE: Reason.INPUT_UNAVAILABLE,
    wire.Fault.STORE_UNREACHABLE: Reason.STORE_UNAVAILABLE,
    wire.Fault.STORE_REFUSED: Reason.STORE_UNAVAILABLE,
    wire.Fault.SANDBOX_UNAVAILABLE: Reason.SANDBOX_UNAVAILABLE,
    wire.Fault.COMMAND_NOT_FOUND: Reason.COMMAND_NOT_FOUND,
    wire.Fault.RUNNER_ABSENT: Reason.RUNNER_LOST,
    wire.Fault.INTERNAL: Reason.INTERNAL,
}
FAULT_MESSAGE = {
    wire.Fault.SOURCE_MISSING: "what spec.source names does not exist",
    wire.Fault.INPUT_MISSING: "what this input names does not exist",
    wire.Fault.INPUT_DIGEST: "the input's bytes do not have the sha256 that the manifest gives",
    wire.Fault.INPUT_TOO_LARGE: "with this input there is more than spec.limits.disk allows",
    wire.Fault.INPUT_UNAVAILABLE: "the web server did not give this input",
    wire.Fault.STORE_UNREACHABLE: "the artifact store did not answer",
    wire.Fault.STORE_REFUSED: "the artifact store refused the request",
    wire.Fault.SANDBOX_UNAVAILABLE: "a protection that must be in force is missing; the program was not started",
    wire.Fault.COMMAND_NOT_FOUND: "the environment does not have the command that its adapter starts",
    wire.Fault.RUNNER_ABSENT: "the analysis container did not come up beside the collector",
    wire.Fault.INTERNAL: "a part of Fumehood failed inside the sandbox",
}
# What only the collector can know, before the runner is given a task.
STAGING_FAULTS = {
    wire.Fault.SOURCE_MISSING,
    wire.Fault.INPUT_MISSING,
    wire.Fault.INPUT_DIGEST,
    wire.Fault.INPUT_TOO_LARGE,
    wire.Fault.INPUT_UNAVAILABLE,
    wire.Fault.STORE_UNREACHABLE,
    wire.Fault.STORE_REFUSED,
    wire.Fault.INTERNAL,
}
LATER_FAULTS = set(wire.Fault) - STAGING_FAULTS | {wire.Fault.INTERNAL}
_IMAGE_TROUBLE = {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable"}

P = ParamSpec("P")
T = TypeVar("T")


class Source(enum.StrEnum):
    """Whose word a check takes."""

    SCHEDULER = "scheduler"
    KUBELET = "kubelet"
    COLLECTOR = "collector"
    RUNNER = "runner"  # a claim: it shared its container with the program


@dataclass(frozen=True)
class Check(Generic[P]):
    """One row of the decision table; `judge` may speak only as `sources` and `reasons` say."""

    looks_at: str
    sources: tuple[Source, ...]
    reasons: tuple[Reason, ...]
    judge: Callable[P, Failure | None]


def _reasons(table: Mapping[T, Reason], among: Iterable[T]) -> tuple[Reason, ...]:
    return tuple(dict.fromkeys(reason for key, reason in table.items() if key in set(among)))


def with_manifest(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    """Return why a sealed attempt failed; None: it succeeded."""
    return next((failure for check in SEALED_CHECKS if (failure := check.judge(facts, manifest))), None)


def without_manifest(facts: SandboxFacts) -> Failure:
    """Return why an attempt that ended left no manifest."""
    return next(failure for check in UNSEALED_CHECKS if (failure := check.judge(facts)))


def not_started(facts: SandboxFacts) -> Failure:
    """Return why a sandbox did not come up in its time."""
    return next(failure for check in NOT_STARTED_CHECKS if (failure := check.judge(facts)))


def image_trouble(facts: SandboxFacts) -> bool:
    """Whether an image cannot be had and waiting will not help."""
    return any(c.waiting in ("ErrImageNeverPull", "InvalidImageName") for c in (facts.collector, facts.analysis))


# --- checks of a sealed attempt, in order ---


def _not_staged(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    # Without this instant the runner was given no task, so the claim is the collector's own.
    return _not_begun(manifest.claim, STAGING_FAULTS) if manifest.times.staged is None else None


def _not_launched(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    return _not_begun(manifest.claim, LATER_FAULTS)


def _not_begun(claim: wire.Claim, credible: set[wire.Fault]) -> Failure | None:
    """Return why the program was not started; a fault that this witness cannot know of is one of ours."""
    if claim.ending is not wire.Ending.NOT_STARTED:
        return None
    fault = claim.fault if claim.fault in credible else wire.Fault.INTERNAL
    assert fault is not None
    detail = sanitise.text(claim.detail or "", 200)
    message = FAULT_MESSAGE[fault] + (f": {detail}" if detail else "")
    names = tuple(name[:63] for name in detail.removeprefix("missing: ").split(", ")[:16])
    missing = names if fault is wire.Fault.SANDBOX_UNAVAILABLE and detail else None
    entry = detail.partition(": ")[0][:255] if fault.name.startswith(("SOURCE", "INPUT")) else None
    evidence = Evidence(missing=missing, entry=entry or None)
    if fault is wire.Fault.INPUT_TOO_LARGE and claim.breach:
        allowed, measured = _in_units(claim.breach)
        evidence = evidence.model_copy(update={"limit": claim.breach.limit, "allowed": allowed, "measured": measured})
        message += f" ({allowed}; measured: {measured})"
    return Failure(FAULT_REASON[fault], message, evidence)


def _violation(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    refused = manifest.claim.violations
    if refused and not manifest.record_violations:
        calls = {sanitise.printable(name)[:63]: count for name, count in sorted(refused.items())[:64]}
        return Failure(
            Reason.SYSTEM_CALL_REFUSED,
            "the program tried what the sandbox forbids: " + ", ".join(f"{name} ({count}×)" for name, count in list(calls.items())[:8]),
            Evidence(system_calls=calls, exit_code=manifest.claim.exit_code),
        )
    escape = next((entry for entry in manifest.rejected if entry.escape), None)
    if escape:
        name = sanitise.printable(escape.name)[:255]
        return Failure(
            Reason.ARTIFACT_REJECTED, f"/outputs held an entry that reaches outside of it: {name} ({escape.reason})", Evidence(entry=name)
        )
    return None


def _breach(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    breach = manifest.claim.breach or manifest.harvest_breach
    return over_limit(breach) if breach else None


def _killed_for_memory(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    # The kubelet's word stands against a program that claims to have ended well.
    return _out_of_memory(facts, manifest.claim.usage.peak_memory_bytes)


def _out_of_memory(facts: SandboxFacts, peak: int = 0) -> Failure | None:
    if facts.analysis.reason != "OOMKilled":
        return None
    allowed = format_bytes(facts.memory_limit) if facts.memory_limit else None
    measured = format_bytes(peak) if peak else f"more than {allowed}" if allowed else None
    return Failure(
        Reason.OUT_OF_MEMORY,
        "the program used more memory than spec.limits.memory allows and was killed",
        Evidence(limit=wire.Limit.MEMORY, allowed=allowed, measured=measured, container=wire.ANALYSIS),
    )


def _evicted_before_the_end(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    # A program that had ended by itself is judged by its end, whatever became of its Pod then.
    return _evicted(facts) if manifest.claim.ending in (wire.Ending.TERMINATED, wire.Ending.RUNNER_LOST) else None


def _runner_lost(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    if manifest.claim.ending is not wire.Ending.RUNNER_LOST:
        return None
    return Failure(
        Reason.RUNNER_LOST,
        "the analysis container ended without a report; what it had written is kept",
        Evidence(container=wire.ANALYSIS, exit_code=facts.analysis.exit_code, signal=facts.analysis.signal),
    )


def _stopped(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    if manifest.claim.ending is not wire.Ending.TERMINATED:
        return None
    return Failure(Reason.POD_STOPPED, "the Pod was told to stop before the program ended (drain, preemption or deletion)")


def _killed(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    claim = manifest.claim
    if claim.ending is not wire.Ending.SIGNALLED:
        return None
    return Failure(
        Reason.KILLED_BY_SIGNAL, _with_tail(f"the program was ended by signal {claim.signal}", manifest), Evidence(signal=claim.signal)
    )


def _exit_code(facts: SandboxFacts, manifest: wire.Manifest) -> Failure | None:
    claim = manifest.claim
    if claim.ending is wire.Ending.EXITED and claim.exit_code == 0:
        return None
    return Failure(
        Reason.NON_ZERO_EXIT, _with_tail(f"the program exited with code {claim.exit_code}", manifest), Evidence(exit_code=claim.exit_code)
    )


SEALED_CHECKS: tuple[Check[[SandboxFacts, wire.Manifest]], ...] = (
    Check("inputs or source that could not be staged", (Source.COLLECTOR,), _reasons(FAULT_REASON, STAGING_FAULTS), _not_staged),
    Check(
        "refused system calls; entries that reach outside of /outputs",
        (Source.RUNNER, Source.COLLECTOR),
        (Reason.SYSTEM_CALL_REFUSED, Reason.ARTIFACT_REJECTED),
        _violation,
    ),
    Check("a limit that was passed", (Source.RUNNER, Source.COLLECTOR), _reasons(LIMIT_REASON, LIMIT_REASON), _breach),
    Check("the analysis container: `OOMKilled`", (Source.KUBELET,), (Reason.OUT_OF_MEMORY,), _killed_for_memory),
    Check(
        "the Pod: `Evicted` while the program ran",
        (Source.KUBELET,),
        (Reason.DISK_EXCEEDED, Reason.POD_EVICTED),
        _evicted_before_the_end,
    ),
    Check("a program that was not started", (Source.COLLECTOR, Source.RUNNER), _reasons(FAULT_REASON, LATER_FAULTS), _not_launched),
    Check("a runner that said nothing", (Source.COLLECTOR,), (Reason.RUNNER_LOST,), _runner_lost),
    Check("a program that was told to stop", (Source.COLLECTOR, Source.RUNNER), (Reason.POD_STOPPED,), _stopped),
    Check("the signal that ended the program", (Source.RUNNER,), (Reason.KILLED_BY_SIGNAL,), _killed),
    Check("the program's exit code", (Source.RUNNER,), (Reason.NON_ZERO_EXIT,), _exit_code),
)


# --- checks of an attempt without a manifest, in order ---


def _sealed_fault(facts: SandboxFacts) -> Failure | None:
    if not facts.seal or not facts.seal.fault:
        return None
    return Failure(FAULT_REASON[facts.seal.fault], FAULT_MESSAGE[facts.seal.fault], Evidence(container=wire.COLLECTOR))


def _evicted(facts: SandboxFacts) -> Failure | None:
    if facts.reason != "Evicted":
        return None
    if "ephemeral" in facts.message or "emptyDir" in facts.message or "EmptyDir" in facts.message:
        return Failure(
            Reason.DISK_EXCEEDED,
            "the program wrote more than spec.limits.disk allows and the node evicted it",
            Evidence(limit=wire.Limit.DISK),
        )
    return Failure(Reason.POD_EVICTED, "the node was short of a resource and evicted the Pod")


def _deleted(facts: SandboxFacts) -> Failure | None:
    if not facts.deleting:
        return None
    return Failure(Reason.POD_LOST, "the Pod was deleted before a result was sealed")


def _deadline(facts: SandboxFacts) -> Failure | None:
    if facts.reason != "DeadlineExceeded" or facts.stopping:
        return None
    return Failure(Reason.COLLECTOR_LOST, "the sandbox did not end within all of its deadlines together")


def _refused_by_node(facts: SandboxFacts) -> Failure | None:
    if facts.phase != "Failed" or facts.collector.terminated or facts.analysis.terminated:
        return None
    return Failure(Reason.POD_LOST, f"the node gave the Pod up ({sanitise.printable(facts.reason)[:63] or 'no reason given'})")


def _collector_lost(facts: SandboxFacts) -> Failure:
    why = f" ({facts.collector.reason})" if facts.collector.reason else ""
    return Failure(
        Reason.COLLECTOR_LOST,
        f"the collector ended without sealing a manifest{sanitise.printable(why)[:63]}",
        Evidence(container=wire.COLLECTOR, exit_code=facts.collector.exit_code, signal=facts.collector.signal),
    )


UNSEALED_CHECKS: tuple[Check[[SandboxFacts]], ...] = (
    Check("the collector's last word", (Source.COLLECTOR,), _reasons(FAULT_REASON, wire.Fault), _sealed_fault),
    Check("the analysis container: `OOMKilled`", (Source.KUBELET,), (Reason.OUT_OF_MEMORY,), _out_of_memory),
    Check("the Pod: `Evicted`", (Source.KUBELET,), (Reason.DISK_EXCEEDED, Reason.POD_EVICTED), _evicted),
    Check("the Pod: being deleted", (Source.KUBELET,), (Reason.POD_LOST,), _deleted),
    Check("the Pod: `DeadlineExceeded`, and nobody cancelled", (Source.KUBELET,), (Reason.COLLECTOR_LOST,), _deadline),
    Check("the Pod: failed, and no container ever ended", (Source.KUBELET,), (Reason.POD_LOST,), _refused_by_node),
    Check("nothing of all this", (Source.KUBELET,), (Reason.COLLECTOR_LOST,), _collector_lost),
)


# --- checks of a sandbox that did not come up, in order ---


def _no_image(facts: SandboxFacts) -> Failure | None:
    container = _waiting(facts, lambda waiting: waiting in _IMAGE_TROUBLE)
    if container is None:
        return None
    return Failure(
        Reason.IMAGE_UNAVAILABLE,
        f"the node could not get the image of the {container.name} container ({container.waiting}); tell its administrator",
        Evidence(container=container.name),
    )


def _no_container(facts: SandboxFacts) -> Failure | None:
    container = _waiting(facts, lambda waiting: waiting not in ("", "ContainerCreating", "PodInitializing"))
    if container is None:
        return None
    return Failure(
        Reason.SANDBOX_UNAVAILABLE,
        f"the node could not make the {container.name} container ({sanitise.printable(container.waiting)[:63]})",
        Evidence(container=container.name),
    )


def _no_room(facts: SandboxFacts) -> Failure | None:
    if facts.scheduled:
        return None
    return Failure(
        Reason.NOT_STARTED_IN_TIME, f"no node had room for it in time: {sanitise.text(facts.unschedulable or 'not scheduled', 300)}"
    )


def _too_slow(facts: SandboxFacts) -> Failure:
    return Failure(Reason.NOT_STARTED_IN_TIME, "the node did not start the sandbox in time")


def _waiting(facts: SandboxFacts, why: Callable[[str], bool]) -> ContainerFacts | None:
    return next((container for container in (facts.collector, facts.analysis) if why(container.waiting)), None)


NOT_STARTED_CHECKS: tuple[Check[[SandboxFacts]], ...] = (
    Check("a container that waits for its image", (Source.KUBELET,), (Reason.IMAGE_UNAVAILABLE,), _no_image),
    Check("a container that cannot be made", (Source.KUBELET,), (Reason.SANDBOX_UNAVAILABLE,), _no_container),
    Check("a Pod that no node has", (Source.SCHEDULER,), (Reason.NOT_STARTED_IN_TIME,), _no_room),
    Check("nothing of all this", (Source.KUBELET,), (Reason.NOT_STARTED_IN_TIME,), _too_slow),
)


def over_limit(breach: wire.Breach) -> Failure:
    """Return the failure for one passed limit, in units that people read."""
    allowed, measured = _in_units(breach)
    kept = "stored" if breach.limit is wire.Limit.HARVEST else "written"
    return Failure(
        LIMIT_REASON[breach.limit],
        f"spec.limits.{breach.limit} allows {allowed}; measured: {measured}. What was {kept} until then is kept",
        Evidence(limit=breach.limit, allowed=allowed, measured=measured),
    )


def _in_units(breach: wire.Breach) -> tuple[str, str]:
    """What was allowed and what was measured, in units that people read."""
    shown = format_seconds if breach.limit in _SECONDS else format_count if breach.limit in _COUNTS else format_bytes
    allowed, measured = shown(breach.allowed)[:63], shown(breach.measured)[:63]  # a claim's number may have 300 digits
    if allowed == measured and shown is format_bytes:
        measured = format_count(breach.measured)[:63]  # one byte too many is to be seen
    return allowed, measured


def _with_tail(message: str, manifest: wire.Manifest) -> str:
    tail = manifest.stderr.tail.strip() if manifest.stderr else ""
    return f"{message}:\n{sanitise.text(tail, MAX_TEXT)}" if tail else message
