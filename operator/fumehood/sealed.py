"""Reads the sealed manifest of a job that ended."""

from __future__ import annotations

from fumehood_sandbox import wire

from .api.v1alpha1 import AnalysisJob, Evidence
from .core import names, origin
from .core.failures import Reason, Refused
from .core.manifest import ManifestError, verify
from .errors import Invalid, NotFound
from .ports import ArtifactStore


async def manifest_of(store: ArtifactStore, job: AnalysisJob) -> wire.Manifest:
    """Return the manifest of a job that has a result.

    Raises:
        Refused: it is gone, or is not the one that the job's status names.
        Retryable: the store does not answer.
    """
    subject, result = origin.subject(job), job.status.result
    assert result is not None
    seal = wire.Seal(wire.VERSION, subject.uid, subject.attempt, result.manifest.digest)
    key = names.prefix(subject.namespace, subject.uid, subject.attempt) + wire.MANIFEST_NAME
    try:
        return verify(await store.read(key, wire.MAX_MANIFEST), seal, subject)
    except (NotFound, Invalid, ManifestError):
        raise Refused(
            Reason.INPUT_MISSING, f"the manifest of job {job.metadata.name!r} is gone or was changed", Evidence(entry=job.metadata.name)
        ) from None
