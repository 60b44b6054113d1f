"""What no Pod may ever be, whatever the job and the environment say: goldens show a change, these forbid it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumehood.core.quantities import parse_quantity
from fumehood_sandbox import wire
from golden import generated, rendering

Json = dict[str, Any]
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
VOLUME_KINDS = {"image", "secret", "emptyDir"}
POD_KEYS = {"apiVersion", "kind", "metadata", "spec"}


def check(pod: Json) -> None:
    """Assert everything that must hold for every Pod."""
    spec = pod["spec"]
    assert set(pod) == POD_KEYS
    check_metadata(pod["metadata"])
    check_pod(spec)
    assert [container["name"] for container in spec["containers"]] == [wire.COLLECTOR, wire.ANALYSIS]
    for container in spec["containers"]:
        check_container(container)
    check_volumes(spec)


def check_metadata(metadata: Json) -> None:
    assert DNS_LABEL.fullmatch(metadata["name"])
    assert all(LABEL_VALUE.fullmatch(value) for value in metadata["labels"].values())
    assert "annotations" not in metadata
    (owner,) = metadata["ownerReferences"]
    assert owner["uid"] == metadata["labels"]["fumehood.dev/job-uid"]


def check_pod(spec: Json) -> None:
    assert spec["automountServiceAccountToken"] is False
    assert "serviceAccountName" not in spec
    assert spec["enableServiceLinks"] is False
    assert not any(spec[name] for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"))
    assert spec.get("hostUsers") in (None, False)
    assert spec["restartPolicy"] == "Never"
    assert spec["activeDeadlineSeconds"] > 0 and spec["terminationGracePeriodSeconds"] > 0
    assert spec["dnsPolicy"] == "None"
    assert not {"initContainers", "ephemeralContainers", "hostAliases", "tolerations", "subdomain", "nodeName"} & set(spec)
    check_identity(spec["securityContext"])


def check_identity(context: Json) -> None:
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] >= 1000 and context["runAsGroup"] >= 1000
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def check_container(container: Json) -> None:
    context = container["securityContext"]
    check_identity(context)
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["allowPrivilegeEscalation"] is False and context["privileged"] is False
    assert context["readOnlyRootFilesystem"] is True
    assert "procMount" not in context
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    for resource in ("cpu", "memory", "ephemeral-storage"):
        assert 0 < parse_quantity(requests[resource]) <= parse_quantity(limits[resource])
    assert requests["memory"] == limits["memory"]
    assert not {"env", "envFrom", "args", "ports", "lifecycle", "livenessProbe", "stdin", "tty", "volumeDevices"} & set(container)
    assert re.search(r"@sha256:[0-9a-f]{64}$", container["image"])
    assert tuple(container["command"][:-1]) == wire.INTERPRETER
    assert container["command"][-1] in ("collector", "runner")


def check_volumes(spec: Json) -> None:
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for volume in volumes.values():
        (kind,) = set(volume) - {"name"}
        assert kind in VOLUME_KINDS
        assert kind != "emptyDir" or volume["emptyDir"]["sizeLimit"]
    collector, analysis = spec["containers"]
    for container in (collector, analysis):
        assert not any({"subPath", "subPathExpr", "mountPropagation"} & set(mount) for mount in container["volumeMounts"])
    secrets = {name for name, volume in volumes.items() if "secret" in volume}
    assert secrets == {"order"}
    assert "order" in {mount["name"] for mount in collector["volumeMounts"]}
    assert "order" not in {mount["name"] for mount in analysis["volumeMounts"]}
    writable = {mount["mountPath"] for mount in analysis["volumeMounts"] if not mount.get("readOnly")}
    assert writable == {wire.OUTPUTS, wire.TMP, wire.HOME, "/dev/shm"}
    read_only = {mount["mountPath"] for mount in collector["volumeMounts"] if mount.get("readOnly")}
    assert wire.OUTPUTS in read_only


@pytest.mark.parametrize("case", rendering.cases(), ids=lambda path: path.name)
def test_the_agreed_pods(case: Path) -> None:
    check(rendering.pod_of(*rendering.read(case)))


# --- generated ---


@given(generated.pods())
def test_any_pod(pod: Json) -> None:
    check(pod)


MARK = "users-own-word"


@given(st.sampled_from(["gvisor", None]), st.booleans())
def test_a_users_text_is_nowhere_in_the_pod(runtime_class: str | None, host_users: bool) -> None:
    spec = {
        "schemaVersion": "1.0",
        "environment": "python",
        "source": {"entrypoint": f"{MARK}.py", "files": {f"{MARK}.py": MARK, f"{MARK}/x": MARK}},
        "args": [MARK],
        "parameters": {MARK: MARK},
        "inputs": [{"name": MARK, "inline": {"text": MARK}}, {"name": f"{MARK}2", "s3": {"uri": f"s3://{MARK}/{MARK}"}}],
        "outputs": [{"path": f"{MARK}*", "kind": "plot"}],
    }
    environment: Json = {
        "metadata": {"name": MARK},
        "spec": {"image": "x@sha256:" + "a" * 64, "adapter": "python", "envVersion": MARK, "env": {MARK: MARK}, "description": MARK},
    }
    if runtime_class:
        environment["spec"]["runtimeClassName"] = runtime_class
    settings = {"hostUsers": host_users, "pods": {"sandbox_image": "registry.example/sandbox@sha256:" + "b" * 64}}
    document = generated.job("job", spec)
    assert MARK not in json.dumps(rendering.pod_of(document, environment, settings))
    assert MARK not in json.dumps(rendering.secret_of(document, environment)["metadata"])


def test_the_policy_lets_nothing_in_and_only_the_store_out() -> None:
    for egress, addresses in (
        ({}, ["192.0.2.1", "2001:db8::1"]),
        ({"cidrs": ["10.0.0.1/32"]}, []),
        ({"namespace": "minio", "pod_labels": {"app": "minio"}}, []),
    ):
        policy = rendering.policy_of(generated.job("x", {}), {"egress": egress, "storeAddresses": addresses, "storePort": 9000})
        spec = policy["spec"]
        assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
        assert "ingress" not in spec
        (rule,) = spec["egress"]
        assert rule["to"], "an empty list would mean everything"
        assert [port["port"] for port in rule["ports"]] == [9000]
        for peer in rule["to"]:
            if "ipBlock" in peer:
                assert peer["ipBlock"]["cidr"].rpartition("/")[2] in ("32", "128")
            else:
                assert peer["podSelector"]["matchLabels"] and peer["namespaceSelector"]["matchLabels"]


def test_a_store_without_addresses_opens_nothing() -> None:
    policy = rendering.policy_of(generated.job("x", {}), {"storeAddresses": [], "storePort": 9000})
    assert policy["spec"]["egress"] == []
