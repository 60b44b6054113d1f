"""NetworkPolicies of job Pods (pure): nothing in, nothing out but the collector's way to the store, and what a profile adds."""

from __future__ import annotations

from ...core import names
from ...core.egress import Block, Grant
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


def egress_policy(namespace: str, grant: Grant) -> Json:
    """Return the policy that adds a profile's way out to Pods that have its label."""
    blocks = [{"ipBlock": _block(block)} for block in grant.blocks]
    ports = [{"protocol": grant.protocol, "port": port} for port in grant.ports]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": names.EGRESS_POLICY + grant.profile,
            "namespace": namespace,
            "labels": {names.MANAGED_BY: "fumehood"},
        },
        "spec": {
            # Only with a job's label too: the fence is around those.
            "podSelector": {
                "matchLabels": {names.EGRESS: grant.profile},
                "matchExpressions": [{"key": names.JOB_UID, "operator": "Exists"}],
            },
            "policyTypes": ["Egress"],
            "egress": [{"to": blocks, "ports": ports}],
        },
    }


def _block(block: Block) -> Json:
    return {"cidr": block.cidr, "except": list(block.shut)} if block.shut else {"cidr": block.cidr}


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
