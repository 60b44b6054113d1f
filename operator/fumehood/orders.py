"""A plan as the order that the collector reads: signed permits and links put in."""

from __future__ import annotations

import re

from fumehood_sandbox import wire

from .api.v1alpha1 import Evidence
from .core import names
from .core.failures import Reason, Refused
from .core.plan import Plan, PlannedFile
from .ports import ArtifactStore

# Between signing and the Pod's start: image pulls, the queue of the node.
_MARGIN = 600.0
_RESULT = re.compile(r"([^/]+)/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/[0-9]+/.*", re.DOTALL)


def build(plan: Plan, store: ArtifactStore, start_deadline: float, input_buckets: tuple[str, ...]) -> bytes:
    """Return the encoded order.

    Raises:
        Refused: an input may not be read, or the order is too large.
    """
    lifetime = start_deadline + plan.lifetime + _MARGIN
    subject, limits = plan.subject, plan.granted.enforced
    buckets = (store.bucket, *input_buckets)

    def file(planned: PlannedFile) -> wire.File:
        remote = None
        if planned.uri is not None:
            check_readable(planned.uri, subject.namespace, store.bucket, buckets)
            remote = store.link(planned.uri, lifetime)
        digest = planned.sha256.removeprefix("sha256:") if planned.sha256 else None
        return wire.File(planned.name, planned.text, remote, digest, limits.disk)

    prefix = names.prefix(subject.namespace, subject.uid, subject.attempt)
    order = wire.Order(
        version=wire.VERSION,
        subject=subject,
        environment=plan.environment,
        env_version=plan.env_version,
        command=plan.command,
        limits=limits,
        deadlines=plan.deadlines,
        permit=store.permit(prefix, max(limits.artifact_bytes, limits.output, wire.MAX_MANIFEST), lifetime),
        source=tuple(file(planned) for planned in plan.source),
        inputs=tuple(file(planned) for planned in plan.inputs),
        outputs=plan.outputs,
        record_violations=plan.record_violations,
        egress=plan.egress is not None,
    )
    encoded = wire.encode(order)
    if len(encoded) > wire.MAX_ORDER:
        raise Refused(
            Reason.SOURCE_INVALID,
            "spec: source, inputs, parameters and args together are too large to hand over; "
            "put the large ones into the store and name them by s3",
            Evidence(allowed=str(wire.MAX_ORDER), measured=str(len(encoded))),
        )
    return encoded


def check_readable(uri: str, namespace: str, artifact_bucket: str, buckets: tuple[str, ...]) -> None:
    """Refuse an input that this namespace may not read: the operator's keys open more than a user may see."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if bucket not in buckets:
        raise Refused(
            Reason.INPUT_NOT_ALLOWED, f"spec.inputs: bucket {bucket!r} is none that inputs may come from", Evidence(entry=uri[:255])
        )
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise Refused(Reason.INPUT_NOT_ALLOWED, "spec.inputs: a key with empty, . or .. parts is not allowed", Evidence(entry=uri[:255]))
    result = _RESULT.fullmatch(key)
    if bucket == artifact_bucket and result and result[1] != namespace:
        raise Refused(Reason.INPUT_NOT_ALLOWED, "spec.inputs: results of another namespace cannot be read", Evidence(entry=uri[:255]))
