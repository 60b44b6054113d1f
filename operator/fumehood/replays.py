"""Looks up the job that a replay repeats: before, so that nothing runs in vain, and after, to compare."""

from __future__ import annotations

from pydantic import ValidationError

from fumehood_sandbox import wire

from .api.v1alpha1 import AnalysisJob, AnalysisJobStatus, Evidence, ReplayStatus
from .core import replay
from .core.failures import Reason, Refused
from .errors import NotFound
from .kube import job_path
from .ports import ArtifactStore, Cluster
from .sealed import manifest_of


class Replays:
    """Reads the resource of the job that is repeated, and its manifest; writes nothing."""

    def __init__(self, cluster: Cluster, store: ArtifactStore) -> None:
        self._cluster = cluster
        self._store = store

    async def check(self, job: AnalysisJob) -> None:
        """Refuse a replay of what cannot be compared with.

        Raises:
            Refused: there is no such job, it is not over, or it has left nothing.
            Retryable: API server or store do not answer.
        """
        if job.spec.replay_of is not None:
            await self._original(job.metadata.namespace, job.spec.replay_of)

    async def compare(self, job: AnalysisJob, status: AnalysisJobStatus, manifest: wire.Manifest | None) -> ReplayStatus | None:
        """Return what came of a replay that is over; None if `job` is none.

        Raises:
            Retryable: API server or store do not answer.
        """
        name = job.spec.replay_of
        if name is None:
            return None
        if manifest is None:
            return replay.incomparable(name, "", "this time, nothing was left that could be compared")
        try:
            original, sealed = await self._original(job.metadata.namespace, name)
        except Refused as lost:
            return replay.incomparable(name, "", str(lost))
        before = replay.Run(original.spec, original.status, sealed)
        return replay.compare(name, original.metadata.uid, before, replay.Run(job.spec, status, manifest))

    async def _original(self, namespace: str, name: str) -> tuple[AnalysisJob, wire.Manifest]:
        field, entry = "spec.replayOf", Evidence(entry=name)
        try:
            job = AnalysisJob.model_validate(await self._cluster.get(job_path(namespace, name)))
        except (NotFound, ValidationError):
            raise Refused(Reason.INPUT_MISSING, f"{field}: there is no AnalysisJob {name!r} in this namespace", entry) from None
        if not job.status.final:
            raise Refused(Reason.INPUT_MISSING, f"{field}: job {name!r} is not over yet", entry)
        if job.status.result is None:
            raise Refused(Reason.INPUT_MISSING, f"{field}: job {name!r} ({job.status.phase}) has left no result to compare with", entry)
        return job, await manifest_of(self._store, job)
