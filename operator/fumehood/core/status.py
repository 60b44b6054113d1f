"""The status that a decision leads to, as a whole document (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from fumehood_sandbox import wire

from ..api.conditions import ConditionType, set_condition
from ..api.v1alpha1 import (
    AnalysisEnvironmentSpec,
    AnalysisJob,
    AnalysisJobStatus,
    ArtifactStatus,
    CacheStatus,
    DurationsStatus,
    EgressStatus,
    FailureStatus,
    Kind,
    LogsStatus,
    LogStatus,
    ManifestStatus,
    Phase,
    ResultStatus,
    SandboxStatus,
    TimesStatus,
    UsageStatus,
)
from ..api.v1alpha1.status import MAX_ARTIFACTS, MAX_MESSAGE
from . import sanitise
from .failures import Failure
from .isolation import NetworkProof, Verdict
from .observation import SandboxFacts
from .quantities import format_seconds


def underway(
    job: AnalysisJob, phase: Phase, now: datetime, attempt: int | None, env_version: str | None, started: datetime | None
) -> AnalysisJobStatus:
    """Return the status of a job that is not final."""
    old = job.status
    conditions = old.conditions
    for kind in (ConditionType.FINISHED, ConditionType.SUCCEEDED):
        value = False if kind is ConditionType.FINISHED else None
        conditions = set_condition(conditions, kind, value, phase, "", stamp(now), job.metadata.generation)
    return old.model_copy(
        update={
            "observed_generation": job.metadata.generation,
            "phase": phase,
            "conditions": conditions,
            "attempt": attempt if attempt is not None else old.attempt,
            "env_version": env_version or old.env_version,
            "times": TimesStatus(
                queued=job.metadata.creation_timestamp,
                started=(old.times.started if old.times else None) or (stamp(started) if started else None),
            ),
        }
    )


def launched(
    job: AnalysisJob, environment: AnalysisEnvironmentSpec, attempt: int, now: datetime, cache: CacheStatus | None = None
) -> AnalysisJobStatus:
    """Return the status of a job whose sandbox was just made; `cache` says why it had to be, if the job would have taken a result."""
    new = underway(job, Phase.STARTING, now, attempt, environment.env_version, now)
    conditions, generation = new.conditions, job.metadata.generation
    if any(condition.type == ConditionType.INPUTS_READY for condition in conditions):
        conditions = set_condition(conditions, ConditionType.INPUTS_READY, True, "Found", "", stamp(now), generation)
    if environment.deprecated is not None:
        message = f"{environment.env_version} is deprecated: {environment.deprecated.message}"
        conditions = set_condition(
            conditions, ConditionType.ENVIRONMENT_CURRENT, False, "Deprecated", sanitise.printable(message), stamp(now), generation
        )
    return new.model_copy(update={"conditions": conditions, "cache": cache})


def awaiting(job: AnalysisJob, message: str, now: datetime) -> AnalysisJobStatus:
    """Return the status of a job that waits for another's artifacts."""
    new = underway(job, Phase.PENDING, now, None, None, None)
    conditions = set_condition(
        new.conditions, ConditionType.INPUTS_READY, False, "WaitingForJob", message, stamp(now), job.metadata.generation
    )
    return new.model_copy(update={"conditions": conditions})


def held(job: AnalysisJob, verdict: Verdict, now: datetime) -> AnalysisJobStatus:
    """Return the status of a job that waits until the network around it is known to be shut."""
    return _isolated(underway(job, Phase.PENDING, now, None, None, None), verdict.fit, verdict.outcome, verdict.message, now)


def surrounded(status: AnalysisJobStatus, sandbox: SandboxFacts, now: datetime) -> AnalysisJobStatus:
    """Return `status` with what was known of the network when the sandbox was made."""
    if sandbox.network_proof == NetworkProof.PROVED:
        return _isolated(status, True, NetworkProof.PROVED, "", now)
    if sandbox.network_proof == NetworkProof.DISABLED:
        return _isolated(status, None, NetworkProof.DISABLED, "nobody looked whether the cluster enforces its policies", now)
    return status


def _isolated(status: AnalysisJobStatus, value: bool | None, reason: str, message: str, now: datetime) -> AnalysisJobStatus:
    generation = status.observed_generation or 0
    conditions = set_condition(status.conditions, ConditionType.NETWORK_ISOLATED, value, reason, message, stamp(now), generation)
    return status.model_copy(update={"conditions": conditions})


def egress(job: AnalysisJob, sandbox: SandboxFacts, until: datetime | None) -> EgressStatus | None:
    """Return the way out that a sandbox has, if it has one."""
    if not sandbox.egress or job.spec.egress is None:
        return None
    return EgressStatus(
        profile=sandbox.egress,
        reason=job.spec.egress.reason,
        granted_at=stamp(sandbox.created_at),
        until=stamp(until.astimezone(UTC)) if until else None,
    )


def final(
    job: AnalysisJob,
    now: datetime,
    failure: Failure | None,
    cancelled: bool,
    sandbox: SandboxFacts | None = None,
    manifest: wire.Manifest | None = None,
    result: ResultStatus | None = None,
) -> AnalysisJobStatus:
    """Return the last status of a job. `result` is there if a manifest was verified."""
    phase = Phase.CANCELLED if cancelled else Phase.FAILED if failure else Phase.SUCCEEDED
    reason = "Cancelled" if cancelled else failure.reason if failure else "Completed"
    message = "the job was cancelled" if cancelled else failure.message if failure else ""
    times = _times(job, now, sandbox, manifest)
    generation = job.metadata.generation
    conditions = set_condition(job.status.conditions, ConditionType.FINISHED, True, reason, "", stamp(now), generation)
    conditions = set_condition(conditions, ConditionType.SUCCEEDED, phase is Phase.SUCCEEDED, reason, message, stamp(now), generation)
    if manifest:
        conditions = set_condition(conditions, ConditionType.ARTIFACTS_COMPLETE, *_completeness(manifest), stamp(now), generation)
    return AnalysisJobStatus(
        observed_generation=generation,
        phase=phase,
        conditions=conditions,
        attempt=sandbox.attempt if sandbox else job.status.attempt,
        env_version=manifest.env_version if manifest else job.status.env_version,
        times=times,
        durations=_durations(times),
        sandbox=_sandbox(sandbox, manifest),
        egress=job.status.egress,
        cache=job.status.cache,
        failure=None
        if not failure or cancelled
        else FailureStatus(
            category=failure.category, reason=failure.reason, message=failure.message[:MAX_MESSAGE], evidence=failure.evidence
        ),
        result=result,
    )


def reused(job: AnalysisJob, now: datetime, manifest: wire.Manifest, result: ResultStatus) -> AnalysisJobStatus:
    """Return the last status of a job that takes another's result. Nothing ran, so nothing was consumed."""
    made = manifest.subject
    ended = final(job, now, None, cancelled=False, result=result)
    conditions, generation = ended.conditions, job.metadata.generation
    message = f"the result is that of job {made.name}"
    for kind in (ConditionType.FINISHED, ConditionType.SUCCEEDED):
        said = message if kind is ConditionType.SUCCEEDED else ""
        conditions = set_condition(conditions, kind, True, "CacheHit", said, stamp(now), generation)
    conditions = set_condition(conditions, ConditionType.ARTIFACTS_COMPLETE, *_completeness(manifest), stamp(now), generation)
    return ended.model_copy(
        update={
            "conditions": conditions,
            "env_version": manifest.env_version,
            "cache": CacheStatus(key=manifest.provenance.key, hit=True, job=made.name, uid=made.uid, attempt=made.attempt),
            "result": result.model_copy(update={"usage": UsageStatus(artifact_bytes=result.usage.artifact_bytes)}),
        }
    )


def showable(failure: Failure, private: Iterable[str]) -> Failure:
    """Return `failure` as users may see it: the net below every message, wherever its words are from."""
    words = tuple(private)

    def clean(text: str) -> str:
        return sanitise.printable(sanitise.hide(text, words))

    named: dict[str, Any] = {}
    if failure.evidence.entry is not None:
        named["entry"] = clean(failure.evidence.entry)
    if failure.evidence.missing is not None:
        named["missing"] = tuple(map(clean, failure.evidence.missing))
    return replace(failure, message=clean(failure.message)[:MAX_MESSAGE], evidence=failure.evidence.model_copy(update=named))


def result(manifest: wire.Manifest, digest: str, bucket: str, manifest_key: str) -> ResultStatus:
    """Return the summary of a verified manifest; bounded, however much was harvested."""

    def uri(key: str) -> str:
        return f"s3://{bucket}/{key}"

    def log(stream: wire.Log | None) -> LogStatus | None:
        return LogStatus(uri=uri(stream.key), digest=stream.digest, size=stream.size, truncated=stream.truncated) if stream else None

    return ResultStatus(
        manifest=ManifestStatus(uri=uri(manifest_key), digest=digest, complete=manifest.complete),
        artifact_count=sum(artifact.preview_of is None for artifact in manifest.artifacts),
        artifacts=tuple(
            ArtifactStatus(
                name=sanitise.printable(artifact.name),
                kind=Kind(artifact.kind),
                format=artifact.format,
                digest=artifact.digest,
                size=artifact.size,
                content_type=artifact.content_type,
                active=artifact.active,
                preview_of=sanitise.printable(artifact.preview_of or ""),
                uri=uri(artifact.key),
            )
            for artifact in manifest.artifacts[:MAX_ARTIFACTS]
        ),
        logs=LogsStatus(stdout=log(manifest.stdout), stderr=log(manifest.stderr)),
        usage=UsageStatus(
            cpu_seconds=round(max(manifest.claim.usage.cpu_seconds, 0.0), 3),
            peak_memory_bytes=max(manifest.claim.usage.peak_memory_bytes, 0),
            artifact_bytes=sum(artifact.size for artifact in manifest.artifacts),
        ),
    )


def document(status: AnalysisJobStatus) -> dict[str, object]:
    """Return `status` as the API server takes it: what is absent is null, so that a merge patch clears it."""
    return status.model_dump(mode="json", by_alias=True)


def stamp(instant: datetime) -> str:
    """Return `instant` (UTC) as RFC 3339 with milliseconds."""
    return instant.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def _completeness(manifest: wire.Manifest) -> tuple[bool, str, str]:
    if manifest.complete:
        return True, "Sealed", ""
    refused = ", ".join(f"{sanitise.printable(entry.name)[:80]} ({entry.reason})" for entry in manifest.rejected[:5])
    return (
        False,
        "Partial",
        f"{manifest.rejections} entries of /outputs were refused: {refused}"
        if refused
        else "the program did not end by itself, or something was cut",
    )


def _times(job: AnalysisJob, now: datetime, sandbox: SandboxFacts | None, manifest: wire.Manifest | None) -> TimesStatus:
    sealed = manifest.times if manifest else None
    return TimesStatus(
        queued=job.metadata.creation_timestamp or None,
        started=(job.status.times.started if job.status.times else None) or (stamp(sandbox.created_at) if sandbox else None),
        staged=sealed.staged if sealed else None,
        ended=sealed.ended if sealed else None,
        harvested=sealed.sealed if sealed else None,
        finished=stamp(now),
    )


def _durations(times: TimesStatus) -> DurationsStatus:
    def between(start: str | None, end: str | None) -> str | None:
        if not start or not end:
            return None
        span = datetime.fromisoformat(end) - datetime.fromisoformat(start)
        return format_seconds(max(span.total_seconds(), 0.0))  # clocks of two machines may differ

    return DurationsStatus(
        queue=between(times.queued, times.started),
        start=between(times.started, times.staged),
        run=between(times.staged, times.ended),
        harvest=between(times.ended, times.harvested),
        total=between(times.queued, times.finished),
    )


def _sandbox(sandbox: SandboxFacts | None, manifest: wire.Manifest | None) -> SandboxStatus | None:
    if sandbox is None or manifest is None or manifest.sandbox is None:
        return None
    found = manifest.sandbox
    level = sandbox.runtime_class[:63] or ("userns" if found.user_namespace else "runc")
    return SandboxStatus(
        level=level,
        seccomp=found.seccomp,
        landlock_abi=found.landlock_abi,
        runtime_class=sandbox.runtime_class,
        network_proof=sandbox.network_proof or None,
    )
