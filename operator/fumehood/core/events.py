"""Events of Kubernetes (events.k8s.io) as documents (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

MAX_NOTE = 1024  # bytes; the API server takes no more
CONTROLLER = "fumehood.dev/operator"


def event(name: str, regarding: Mapping[str, Any], kind: str, action: str, reason: str, note: str, now: datetime) -> dict[str, Any]:
    """Return an Event about the object `regarding` (a document); `kind` is Normal or Warning.

    The same `name` is the same event: whoever tells it again finds it there.
    """
    metadata = regarding["metadata"]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": metadata["namespace"]},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": "fumehood",
        "type": kind,
        "action": action,
        "reason": reason,
        "note": note.encode(errors="replace")[:MAX_NOTE].decode(errors="ignore"),
        "regarding": {
            "apiVersion": regarding["apiVersion"],
            "kind": regarding["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
        },
    }
