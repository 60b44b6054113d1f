"""Names and labels of everything that an attempt makes: deterministic, so that making it twice makes it once."""

from __future__ import annotations

import hashlib
import re

JOB_UID = "fumehood.dev/job-uid"
ATTEMPT = "fumehood.dev/attempt"
JOB_NAME = "fumehood.dev/job"
MANAGED_BY = "app.kubernetes.io/managed-by"
EGRESS = "fumehood.dev/egress"
NETWORK_PROOF = "fumehood.dev/network-proof"
NETWORK_POLICY = "fumehood-jobs"
EGRESS_POLICY = "fumehood-egress-"
PROBE = "fumehood-probe"

# UIDs inside a user namespace end at 65535. Two jobs on a node share a UID only
# by chance, which matters where the kernel counts per UID.
_FIRST_UID, _UIDS = 20_000, 40_000
COLLECTOR_UID = 65_532


def pod(job_name: str, job_uid: str, attempt: int) -> str:
    """Return the name of an attempt's Pod and Secret: readable, unique by UID, a DNS label."""
    slug = re.sub(r"[^a-z0-9-]", "-", job_name)[:40].strip("-")
    return f"{slug}-{_digest(job_uid)[:10]}-{attempt}"


def labels(job_name: str, job_uid: str, attempt: int) -> dict[str, str]:
    """Return the labels of an attempt's objects."""
    name = job_name[:63].rstrip(".-")
    return {JOB_UID: job_uid, ATTEMPT: str(attempt), JOB_NAME: name, MANAGED_BY: "fumehood"}


def user_id(job_uid: str) -> int:
    """Return the numeric user that the hostile program of a job runs as."""
    return _FIRST_UID + int(_digest(job_uid)[:8], 16) % _UIDS


def prefix(namespace: str, job_uid: str, attempt: int) -> str:
    """Return where an attempt's objects are in the bucket. Never made of user text."""
    return f"{namespace}/{job_uid}/{attempt}/"


def note(namespace: str, incarnation: str, key: str) -> str:
    """Return where it is noted whose result has a key; `incarnation` tells namespaces of one name apart."""
    return f"{namespace}/cache/{incarnation}/{key.removeprefix('sha256:')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
