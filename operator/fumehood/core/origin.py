"""Whose attempt made a job's result: its own, or that of the equal job that it was taken from (pure)."""

from __future__ import annotations

from fumehood_sandbox import wire

from ..api.v1alpha1 import AnalysisJob


def subject(job: AnalysisJob) -> wire.Subject:
    """Return what the manifest of `job` speaks of, and below whose prefix its objects are."""
    meta, cache = job.metadata, job.status.cache
    if cache is not None and cache.hit and cache.job and cache.uid:
        return wire.Subject(meta.namespace, cache.job, cache.uid, cache.attempt or 1)
    return wire.Subject(meta.namespace, meta.name, meta.uid, job.status.attempt or 1)
