"""Objects that the cluster itself needs, as (API path, object) pairs; pure."""

from __future__ import annotations

from typing import Any

from embedded.addresses import Addresses
from embedded.place import DNS_SERVICE, NODE_NAME

Object = tuple[str, dict[str, Any]]
READ = ["get", "list", "watch"]
RBAC = "rbac.authorization.k8s.io"


def objects(addresses: Addresses, gvisor: bool) -> list[Object]:
    """Everything that is applied once the API server answers."""
    reader = [
        {"apiGroups": [""], "resources": ["pods", "namespaces", "nodes", "services", "endpoints"], "verbs": READ},
        {"apiGroups": ["networking.k8s.io"], "resources": ["networkpolicies"], "verbs": READ},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": READ},
    ]
    found = [*_reader("netpol", reader), *_reader("coredns", reader), *_dns(addresses)]
    return [*found, _runtime_class()] if gvisor else found


def _reader(user: str, rules: list[dict[str, Any]]) -> list[Object]:
    name = f"fumehood:{user}"
    path = f"/apis/{RBAC}/v1"
    meta = {"apiVersion": f"{RBAC}/v1", "metadata": {"name": name}}
    role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
    subject = {"apiGroup": RBAC, "kind": "User", "name": name}
    return [
        (f"{path}/clusterroles/{name}", {**meta, "kind": "ClusterRole", "rules": rules}),
        (
            f"{path}/clusterrolebindings/{name}",
            {**meta, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]},
        ),
    ]


def _dns(addresses: Addresses) -> list[Object]:
    """CoreDNS is a process of the node, no Pod: a Service without selector, and its endpoint by hand."""
    ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53, "protocol": "TCP"}]
    labels = {"k8s-app": "kube-dns", "kubernetes.io/name": "CoreDNS"}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {"clusterIP": DNS_SERVICE, "ports": ports},
    }
    slice_labels = {"kubernetes.io/service-name": "kube-dns", "endpointslice.kubernetes.io/managed-by": "fumehood"}
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "kube-dns-node", "namespace": "kube-system", "labels": slice_labels},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": [addresses.node], "conditions": {"ready": True}, "nodeName": NODE_NAME},
        ],
        "ports": ports,
    }
    home = "namespaces/kube-system"
    return [
        (f"/api/v1/{home}/services/kube-dns", service),
        (f"/apis/discovery.k8s.io/v1/{home}/endpointslices/kube-dns-node", endpoints),
    ]


def _runtime_class() -> Object:
    content = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": "gvisor"},
        "handler": "runsc",
    }
    return "/apis/node.k8s.io/v1/runtimeclasses/gvisor", content
