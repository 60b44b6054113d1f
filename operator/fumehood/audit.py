"""The record of network exceptions: who got which, why, until when.

It goes to three places: a line of JSON on stdout (logger `fumehood.audit`), an Event
on the job, and the job's status, which is written last. Whoever reads the lines may
find one twice, when the operator was killed in between; none is missing.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime

from .api.v1alpha1 import GROUP, VERSION, AnalysisJob, EgressStatus
from .core import names, sanitise
from .core.events import event
from .errors import AlreadyExists, Permanent
from .kube import events_path
from .metrics import Metrics
from .ports import Cluster

_log = logging.getLogger("fumehood.events")
_record = logging.getLogger("fumehood.audit")


def to_stdout() -> None:
    """Let the records go to stdout, one line of JSON each, whatever the level of the log is."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _record.addHandler(handler)
    _record.setLevel(logging.INFO)
    _record.propagate = False


async def egress_granted(cluster: Cluster, metrics: Metrics, job: AnalysisJob, egress: EgressStatus, attempt: int, now: datetime) -> None:
    """Record that a job's Pod got a way out.

    Raises:
        Retryable: the API server does not take the Event now.
    """
    meta = job.metadata
    reason = sanitise.printable(egress.reason)
    until = f"until {egress.until}" if egress.until else "without an end"
    note = f"Pod of attempt {attempt} may use the egress profile {egress.profile} ({until}). Reason given: {reason}"
    regarding = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "AnalysisJob",
        "metadata": {"namespace": meta.namespace, "name": meta.name, "uid": meta.uid},
    }
    name = f"{names.pod(meta.name, meta.uid, attempt)}.egress"
    told = event(name, regarding, "Normal", "GrantEgress", "EgressGranted", note, now)
    try:
        await cluster.create(events_path(meta.namespace), told)
    except AlreadyExists:
        pass  # told by an operator that was killed before it wrote the status
    except Permanent as error:
        _log.warning("%s/%s: no Event of its network exception: %s", meta.namespace, meta.name, error)
    line = {
        "record": "EgressGranted",
        "namespace": meta.namespace,
        "name": meta.name,
        "uid": meta.uid,
        "attempt": attempt,
        "manager": meta.manager,
        "profile": egress.profile,
        "reason": reason,
        "grantedAt": egress.granted_at,
        "until": egress.until,
    }
    _record.info(json.dumps(line, ensure_ascii=False))
    metrics.egress_granted(egress.profile, meta.namespace)
