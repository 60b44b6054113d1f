"""The Pod of a network probe, and what its kubelet says of it (pure).

It has a job's labels and a job's security, since it stands for one; only our own
filter of system calls is not there, so that the network alone is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

from fumehood_sandbox import wire

from ...core import names
from ...core.isolation import NetworkProof
from ...ports import Json
from ...settings import PodSettings
from . import security, volumes
from .pod import bare, placement

MEMORY, CPU = "64Mi", "200m"
NODE_VARIABLE = "NODE_ADDRESS"
# The kubelet puts the variable's value here when it starts the container.
OWN_NODE = f"$({NODE_VARIABLE})"
_IMAGE_TROUBLE = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "CreateContainerConfigError")


def probe_pod(namespace: str, errand: wire.Errand, settings: PodSettings, deadline: int, owner: Json) -> Json:
    """Return the Pod; it ends after `deadline` seconds, whatever happens, and goes with its `owner`."""
    spec = bare() | {
        "terminationGracePeriodSeconds": 1,
        "activeDeadlineSeconds": deadline,
        "securityContext": security.pod_context(names.COLLECTOR_UID),
        "containers": [_container(errand, settings)],
        "volumes": [volumes.payload(settings.sandbox_image, settings.image_pull_policy)],
    }
    metadata = {
        "name": names.PROBE,
        "namespace": namespace,
        # Every label that job Pods have, so that whatever policy selects those selects this.
        "labels": names.labels(names.PROBE, names.PROBE, 1) | {names.NETWORK_PROOF: NetworkProof.PROVED.value},
        "ownerReferences": [owner],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec | placement(settings)}


def _container(errand: wire.Errand, settings: PodSettings) -> Json:
    return {
        "name": wire.PROBE,
        "image": settings.sandbox_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": [*wire.INTERPRETER, wire.PROBE, wire.encode(errand).decode(), wire.TERMINATION_LOG],
        "env": [{"name": NODE_VARIABLE, "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.hostIP"}}}],
        "workingDir": "/",
        "terminationMessagePath": wire.TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "securityContext": security.container_context(names.COLLECTOR_UID),
        "resources": {
            "limits": {"cpu": CPU, "memory": MEMORY, "ephemeral-storage": "16Mi"},
            "requests": {"cpu": "10m", "memory": MEMORY, "ephemeral-storage": "1Mi"},
        },
        "volumeMounts": [volumes.payload_mount()],
    }


@dataclass(frozen=True)
class Report:
    """What a probe's Pod came to: a sighting and its node's address, or why there is none."""

    sighting: wire.Sighting | None = None
    node: str = ""
    trouble: str = ""


def report(pod: Json) -> Report | None:
    """Return what the Pod came to; None while it may still come to something."""
    status = pod.get("status") or {}
    state = next((entry.get("state") or {} for entry in status.get("containerStatuses") or [] if entry["name"] == wire.PROBE), {})
    ended, waiting = state.get("terminated") or {}, state.get("waiting") or {}
    if ended:
        try:
            raw = str(ended.get("message", "")).encode(errors="replace")
            sighting = wire.decode(wire.Sighting, raw, max_bytes=wire.MAX_SIGHTING)
        except wire.DecodeError:
            return Report(trouble=f"its program ended with exit code {ended.get('exitCode')} and left no report")
        return Report(sighting, str(status.get("hostIP", "")))
    if waiting.get("reason") in _IMAGE_TROUBLE:
        return Report(trouble=f"the node cannot start its container ({waiting['reason']})")
    if status.get("phase") == "Failed":
        return Report(trouble=f"its Pod failed ({str(status.get('reason') or 'no reason given')[:63]})")
    return None
