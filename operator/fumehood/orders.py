"""A plan as the order that the collector reads: signed permits and links put in."""

from __future__ import annotations

import base64

from fumehood_sandbox import wire

from .api.v1alpha1 import Evidence
from .core import names, web
from .core.access import Readable
from .core.failures import Reason, Refused
from .core.material import PlannedFile
from .core.plan import Plan
from .ports import ArtifactStore

# Between signing and the Pod's start: image pulls, the queue of the node.
_MARGIN = 600.0


def build(plan: Plan, store: ArtifactStore, start_deadline: float, readable: Readable) -> bytes:
    """Return the encoded order.

    Raises:
        Refused: an input may not be read, or the order is too large.
    """
    lifetime = start_deadline + plan.lifetime + _MARGIN
    subject, limits = plan.subject, plan.granted.enforced

    def file(planned: PlannedFile) -> wire.File:
        remote = None
        if planned.uri is not None:
            readable.check(planned.uri, subject.namespace)
            remote = store.link(planned.uri, lifetime)
        elif planned.url is not None:
            remote = web.remote(planned.url, plan.egress, planned.name)
        digest = planned.sha256.removeprefix("sha256:") if planned.sha256 else None
        data = base64.b64encode(planned.data).decode() if planned.data is not None else None
        return wire.File(planned.name, planned.text, data, remote, digest)

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
        web_ca=plan.egress.ca if plan.egress else None,
        source=tuple(file(planned) for planned in plan.source),
        inputs=tuple(file(planned) for planned in plan.inputs),
        outputs=plan.outputs,
        ignored=plan.ignored,
        provenance=plan.provenance,
        preview=plan.preview,
        record_violations=plan.record_violations,
        egress=plan.egress is not None,
    )
    encoded = wire.encode(order)
    if len(encoded) > wire.MAX_ORDER:
        raise _too_large(order, len(encoded))
    return encoded


def _too_large(order: wire.Order, size: int) -> Refused:
    evidence = Evidence(allowed=str(wire.MAX_ORDER), measured=str(size))
    links = [file for file in (*order.source, *order.inputs) if file.remote]
    if len(wire.encode(links)) > size // 2:
        return Refused(
            Reason.SPEC_INVALID,
            f"spec.source and spec.inputs: the names and links of {len(links)} objects are too large to hand over; "
            "give narrower folders, shorter keys, or one archive",
            evidence,
        )
    return Refused(
        Reason.SOURCE_INVALID,
        "spec: source, inputs, parameters and args together are too large to hand over; "
        "put the large ones into the store and name them by s3",
        evidence,
    )
