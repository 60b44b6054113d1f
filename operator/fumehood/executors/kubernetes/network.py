"""The NetworkPolicy of a namespace's job Pods (pure): nothing in, nothing out but the collector's way to the store."""

from __future__ import annotations

from ...core import names
from ...ports import Json
from ...settings import EgressSettings


def policy(namespace: str, egress: EgressSettings, store_addresses: tuple[str, ...], store_port: int) -> Json:
    """Return the policy. A Pod that no rule names reaches nothing: both directions are listed.

    NetworkPolicy sees the store's Pods, not its Service address, because addresses
    are translated before; for a store in the cluster `egress` names its Pods.
    """
    peers = _peers(egress, store_addresses)
    ports = [{"protocol": "TCP", "port": egress.port or store_port}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": names.NETWORK_POLICY, "namespace": namespace, "labels": {names.MANAGED_BY: "fumehood"}},
        "spec": {
            "podSelector": {"matchExpressions": [{"key": names.JOB_UID, "operator": "Exists"}]},
            "policyTypes": ["Ingress", "Egress"],
            # A rule without peers would open the port to everybody.
            "egress": [{"to": peers, "ports": ports}] if peers else [],
        },
    }


def _peers(egress: EgressSettings, store_addresses: tuple[str, ...]) -> list[Json]:
    if egress.namespace:
        return [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": egress.namespace}},
                "podSelector": {"matchLabels": dict(egress.pod_labels)},
            }
        ]
    cidrs = egress.cidrs or tuple(f"{address}/{128 if ':' in address else 32}" for address in store_addresses)
    return [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
