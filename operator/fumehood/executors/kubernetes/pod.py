"""A plan as Pod and Secret (pure).

Both are built from a closed shape: what a user wrote reaches only the Secret's
content. The collector is listed first and is an ordinary container: each ordered
start-up or shutdown step (init container, native sidecar) costs up to a second of
the kubelet's time.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from decimal import Decimal

from fumehood_sandbox import wire

from ...core import names
from ...core.egress import Grant
from ...core.isolation import NetworkProof
from ...core.plan import Plan
from ...ports import Json
from ...settings import PodSettings
from . import security, volumes

# The runner's own needs, beside what the program may use.
RUNNER_MEMORY = 48 << 20
COLLECTOR_DISK = 64 << 20
GRACE_SLACK = 45  # a last answer of the store is awaited, whatever the deadline


@dataclass(frozen=True)
class Isolation:
    """What was chosen from what the cluster can; whether its network was found shut, or nobody looked."""

    host_users: bool
    network_proof: NetworkProof


def secret(plan: Plan, order: bytes, owner: Json) -> Json:
    """Return the Secret that carries an attempt's order to its collector."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(plan, owner),
        "immutable": True,
        "type": "fumehood.dev/order",
        "data": {wire.ORDER_FILE: base64.b64encode(order).decode()},
    }


def pod(plan: Plan, settings: PodSettings, isolation: Isolation, owner: Json) -> Json:
    """Return the Pod of an attempt."""
    limits = plan.granted.enforced
    metadata = _metadata(plan, owner)
    spec: Json = bare() | {
        "terminationGracePeriodSeconds": math.ceil(plan.deadlines.harvest + plan.deadlines.sealing) + GRACE_SLACK,
        "activeDeadlineSeconds": math.ceil(plan.lifetime) + 60,
        "securityContext": security.pod_context(plan.user_id),
        "containers": [_collector(plan, settings), _analysis(plan, settings)],
        "volumes": volumes.volumes(
            metadata["name"], settings.sandbox_image, settings.image_pull_policy, limits.disk, limits.disk + (1 << 20)
        ),
    }
    if not isolation.host_users:
        spec["hostUsers"] = False
    if plan.runtime_class:
        spec["runtimeClassName"] = plan.runtime_class
    metadata["labels"][names.NETWORK_PROOF] = isolation.network_proof.value
    if plan.egress:
        metadata["labels"][names.EGRESS] = plan.egress.profile
        spec |= _host_aliases(plan.egress)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec | placement(settings)}


def bare() -> Json:
    """Return what the specs of all our Pods have in common: no token, no name resolution, nothing of the host."""
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "hostNetwork": False,
        "hostPID": False,
        "hostIPC": False,
        "shareProcessNamespace": False,
        "hostname": "analysis",
        "dnsPolicy": "None",
        # The API server wants one name server; nothing listens there, so that a look-up fails at once.
        "dnsConfig": {"nameservers": ["127.0.0.1"], "options": [{"name": "timeout", "value": "1"}, {"name": "attempts", "value": "1"}]},
    }


def placement(settings: PodSettings) -> Json:
    """Return the part of a spec that says where Pods run, and with whose images."""
    spec: Json = {}
    if settings.node_selector:
        spec["nodeSelector"] = dict(settings.node_selector)
    if settings.priority_class_name:
        spec["priorityClassName"] = settings.priority_class_name
    if settings.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": name} for name in settings.image_pull_secrets]
    return spec


def _host_aliases(grant: Grant) -> Json:
    """Return names that resolve without DNS, by address as Kubernetes wants them."""
    addresses = sorted(set(grant.hosts.values()))
    aliases = [{"ip": address, "hostnames": sorted(host for host, at in grant.hosts.items() if at == address)} for address in addresses]
    return {"hostAliases": aliases} if aliases else {}


def _metadata(plan: Plan, owner: Json) -> Json:
    subject = plan.subject
    return {
        "name": names.pod(subject.name, subject.uid, subject.attempt),
        "namespace": subject.namespace,
        "labels": names.labels(subject.name, subject.uid, subject.attempt),
        "ownerReferences": [owner],
    }


def _collector(plan: Plan, settings: PodSettings) -> Json:
    staged = str(2 * plan.granted.enforced.disk + COLLECTOR_DISK)
    resources = {"cpu": settings.collector_cpu, "memory": settings.collector_memory, "ephemeral-storage": staged}
    return {
        "name": wire.COLLECTOR,
        "image": settings.sandbox_image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": [*wire.INTERPRETER, "collector"],
        "workingDir": "/",
        "terminationMessagePath": wire.TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "securityContext": security.container_context(names.COLLECTOR_UID),
        "resources": {"limits": resources, "requests": {"cpu": "10m", "memory": settings.collector_memory, "ephemeral-storage": "1Mi"}},
        "volumeMounts": volumes.collector_mounts(),
    }


def _analysis(plan: Plan, settings: PodSettings) -> Json:
    limits = plan.granted.enforced
    memory = str(limits.memory + RUNNER_MEMORY)
    storage = str(3 * limits.disk + volumes.DISK_SLACK)
    return {
        "name": wire.ANALYSIS,
        "image": plan.image,
        "imagePullPolicy": settings.image_pull_policy,
        "command": [*wire.INTERPRETER, "runner"],
        "workingDir": "/",
        "terminationMessagePath": wire.TERMINATION_LOG,
        "terminationMessagePolicy": "File",
        "securityContext": security.container_context(plan.user_id),
        "resources": {
            "limits": {"cpu": _cpu(plan.granted.cpu), "memory": memory, "ephemeral-storage": storage},
            "requests": {
                "cpu": _cpu(plan.granted.cpu * Decimal(str(settings.cpu_request_fraction))),
                "memory": memory,
                "ephemeral-storage": "1Mi",
            },
        },
        "volumeMounts": volumes.analysis_mounts(),
    }


def _cpu(cores: Decimal) -> str:
    return f"{max(1, math.ceil(cores * 1000))}m"
