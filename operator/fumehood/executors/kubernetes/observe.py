"""A Pod document as facts (pure). Every text is cut before anything looks at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from fumehood_sandbox import wire

from ...core import names
from ...core.observation import ContainerFacts, SandboxFacts
from ...core.quantities import parse_bytes
from ...ports import Json
from .pod import RUNNER_MEMORY

MAX_REASON = 63
MAX_TEXT = 1024
STOPPED_AT = "fumehood.dev/stopped-at"
REPORTING = timedelta(seconds=60)  # what a kubelet may take to report an end


def facts(pod: Json) -> SandboxFacts | None:
    """Return the facts of a job's Pod; None if it is not one of ours."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    labels = metadata.get("labels") or {}
    attempt = labels.get(names.ATTEMPT, "")
    owner = next((ref for ref in metadata.get("ownerReferences") or [] if ref.get("kind") == "AnalysisJob"), None)
    if not attempt.isdecimal() or owner is None or owner.get("uid") != labels.get(names.JOB_UID):
        return None
    if metadata["name"] != names.pod(owner["name"], owner["uid"], int(attempt[:6])):
        return None  # somebody else's Pod that wears a job's labels
    containers = {entry["name"]: _container(entry) for entry in status.get("containerStatuses") or []}
    conditions = {entry["type"]: entry for entry in status.get("conditions") or []}
    scheduled = conditions.get("PodScheduled") or {}
    phase = status.get("phase", "")
    return SandboxFacts(
        name=metadata["name"],
        uid=metadata["uid"],
        job_uid=owner["uid"],
        attempt=int(attempt[:6]),
        created_at=_instant(metadata["creationTimestamp"]),
        phase=phase,
        reason=_cut(status.get("reason"), MAX_REASON),
        message=_cut(status.get("message"), MAX_TEXT),
        ended=phase in ("Succeeded", "Failed"),
        gone_by=_gone_by(metadata, spec, status),
        stopping=STOPPED_AT in (metadata.get("annotations") or {}),
        deleting=metadata.get("deletionTimestamp") is not None,
        deletion_grace=metadata.get("deletionGracePeriodSeconds"),
        scheduled=scheduled.get("status") == "True",
        unschedulable=_cut(scheduled.get("message"), MAX_TEXT) if scheduled.get("reason") == "Unschedulable" else "",
        runtime_class=spec.get("runtimeClassName") or "",
        network_proof=_cut(labels.get(names.NETWORK_PROOF), MAX_REASON),
        egress=_cut(labels.get(names.EGRESS), MAX_REASON),
        memory_limit=_memory_limit(spec),
        collector=containers.get(wire.COLLECTOR, ContainerFacts(wire.COLLECTOR)),
        analysis=containers.get(wire.ANALYSIS, ContainerFacts(wire.ANALYSIS)),
    )


def owner_name(pod: Json) -> str | None:
    """Return the name of the AnalysisJob that a Pod belongs to."""
    owners = pod["metadata"].get("ownerReferences") or []
    return next((str(ref["name"]) for ref in owners if ref.get("kind") == "AnalysisJob"), None)


def _memory_limit(spec: Json) -> int | None:
    analysis: Json = next((entry for entry in spec.get("containers") or [] if entry["name"] == wire.ANALYSIS), {})
    limit = ((analysis.get("resources") or {}).get("limits") or {}).get("memory")
    return parse_bytes(limit) - RUNNER_MEMORY if limit else None


def _gone_by(metadata: Json, spec: Json, status: Json) -> datetime | None:
    begun = (metadata.get("annotations") or {}).get(STOPPED_AT) or status.get("startTime")
    if not begun or "activeDeadlineSeconds" not in spec:
        return None
    seconds = spec["activeDeadlineSeconds"] + spec.get("terminationGracePeriodSeconds", 30)
    return _instant(begun) + timedelta(seconds=seconds) + REPORTING


def _container(entry: Json) -> ContainerFacts:
    state = entry.get("state") or {}
    waiting, running, ended = (state.get(name) or {} for name in ("waiting", "running", "terminated"))
    return ContainerFacts(
        name=entry["name"],
        started="running" in state or "terminated" in state,
        terminated="terminated" in state,
        waiting=_cut(waiting.get("reason"), MAX_REASON),
        reason=_cut(ended.get("reason"), MAX_REASON),
        exit_code=ended.get("exitCode"),
        signal=ended.get("signal"),
        message=_cut(ended.get("message"), wire.MAX_SEAL),
        started_at=_instant(begun) if (begun := (running or ended).get("startedAt")) else None,
        finished_at=_instant(ended["finishedAt"]) if ended.get("finishedAt") else None,
    )


def _cut(value: Any, limit: int) -> str:
    return value[:limit] if isinstance(value, str) else ""


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
