"""What tests of egress profiles need: Pods that answer, namespaces, and an operator with other settings."""

from __future__ import annotations

import ipaddress
import secrets
import subprocess
from pathlib import Path

import yaml

from .conftest import ROOT, Cluster, Json


def pod(name: str, image: str, code: str, port: int) -> Json:
    """Return a Pod that keeps to `restricted` and runs Python, which listens on a port."""
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", code],
        "securityContext": context,
        "readinessProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1},
    }
    spec = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 20_000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def namespace() -> Cluster:
    """Make a namespace, Pod Security `restricted` enforced."""
    found = Cluster(f"network-{secrets.token_hex(4)}")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.namespace, "labels": labels}}
    found.kubectl("create", "-f", "-", stdin=yaml.safe_dump(made))
    return found


def ranges() -> list[str]:
    """Return the cluster's own addresses: Pods by the ranges that they are of, nodes, Services and endpoints one by one."""
    system = Cluster("default")
    nodes = system.get("nodes")["items"]
    pods = {
        str(ipaddress.ip_network(f"{pod['status']['podIP']}/16", strict=False))
        for pod in system.get("pods", "--all-namespaces")["items"]
        if not pod["spec"].get("hostNetwork") and pod["status"].get("podIP")
    }
    single = {entry["address"] for node in nodes for entry in node["status"]["addresses"] if entry["type"] == "InternalIP"}
    single |= {service["spec"]["clusterIP"] for service in system.get("services", "--all-namespaces")["items"]} - {"None", ""}
    single |= {address for entry in system.get("endpointslice", "kubernetes")["endpoints"] for address in entry["addresses"]}
    return sorted(pods | {f"{address}/{128 if ':' in address else 32}" for address in single})


def deploy(*more: Path) -> None:
    """Install the chart as `make deploy` does, with more values."""
    command = ["helm", "upgrade", "fumehood", "charts/fumehood", "--namespace", "fumehood-system", "--wait", "--timeout=10m"]
    values = [f"--values={path}" for path in (ROOT / ".cluster" / "values.yaml", *more)]
    done = subprocess.run([*command, *values], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
