"""What no Pod may ever be, whatever the job and the environment say: goldens show a change, these forbid it."""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given
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
    assert "hostAliases" not in spec or "fumehood.dev/egress" in pod["metadata"]["labels"], "only a way out that was granted has names"
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
    assert not {"initContainers", "ephemeralContainers", "tolerations", "subdomain", "nodeName"} & set(spec)
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
        "spec": {
            "image": "x@sha256:" + "a" * 64,
            "adapter": "python",
            "envVersion": MARK,
            "env": {MARK.replace("-", "_"): MARK},
            "description": MARK,
        },
    }
    if runtime_class:
        environment["spec"]["runtimeClassName"] = runtime_class
    settings = {"hostUsers": host_users, "pods": {"sandbox_image": "registry.example/sandbox@sha256:" + "b" * 64}}
    document = generated.job("job", spec)
    for made in (rendering.pod_of(document, environment, settings), rendering.secret_of(document, environment)["metadata"]):
        assert MARK not in json.dumps(made).replace("_", "-")


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


PROFILE = {"cidrs": ["0.0.0.0/0"], "ports": [443], "namespaces": ["lab"]}
RANGES = ["10.244.0.0/16", "10.96.0.0/12"]


def egress_policy(**profile: Any) -> Json:
    spec = {"schemaVersion": "1.0", "environment": "python", "source": {"entrypoint": "x", "files": {"x": ""}}}
    asking = generated.job("x", spec | {"egress": {"profile": "way", "reason": "because"}})
    environment = {"metadata": {"name": "python"}, "spec": {"image": "x@sha256:" + "a" * 64, "adapter": "python", "envVersion": "1"}}
    settings = {"network": {"cluster_ranges": RANGES, "profiles": {"way": PROFILE | profile}}}
    (policy,) = rendering.egress_policies_of(asking, environment, settings)
    return policy


@given(
    st.lists(st.ip_addresses(v=4).map(str), max_size=3),
    st.lists(st.tuples(st.ip_addresses(v=4), st.integers(0, 32)), min_size=1, max_size=3),
)
def test_whatever_range_a_profile_has_the_cluster_and_the_metadata_service_stay_shut(tried: list[str], wide: list[Any]) -> None:
    cidrs = [str(ipaddress.ip_network(f"{address}/{bits}", strict=False)) for address, bits in wide]
    shut = [ipaddress.ip_network(text) for text in ("169.254.0.0/16", "127.0.0.0/8", *RANGES)]
    assume(not any(ipaddress.ip_network(cidr).subnet_of(other) for cidr in cidrs for other in shut))  # refused at the start
    (rule,) = egress_policy(cidrs=cidrs)["spec"]["egress"]
    for peer in rule["to"]:
        block = ipaddress.ip_network(peer["ipBlock"]["cidr"])
        left_out = [ipaddress.ip_network(text) for text in peer["ipBlock"].get("except", [])]
        assert all(part.subnet_of(block) and part != block for part in left_out), "the API server refuses anything else"
        for address in map(ipaddress.ip_address, [*tried, "169.254.169.254", "127.0.0.1", "10.96.0.1", "10.244.3.4"]):
            opened = address in block and not any(address in part for part in left_out)
            assert not (opened and any(address in other for other in shut))


def test_a_way_out_is_for_job_pods_that_have_it_and_adds_nothing_inwards() -> None:
    spec = egress_policy()["spec"]
    assert spec["policyTypes"] == ["Egress"] and "ingress" not in spec
    assert spec["podSelector"]["matchLabels"] == {"fumehood.dev/egress": "way"}
    assert [rule["key"] for rule in spec["podSelector"]["matchExpressions"]] == ["fumehood.dev/job-uid"]
    (rule,) = spec["egress"]
    assert rule["to"] and rule["ports"], "an empty list would mean everything"


def test_the_probe_stands_for_a_job() -> None:
    """It is locked down like one, and every policy that selects a job's Pod selects it."""
    probe = rendering.probe_of(yaml.safe_load((rendering.PROBE / "settings.yaml").read_text()))
    agreed = rendering.pod_of(*rendering.read(rendering.CASES / "minimal"))
    assert set(probe["metadata"]["labels"]) == set(agreed["metadata"]["labels"])
    check_pod(probe["spec"])
    (container,) = probe["spec"]["containers"]
    assert container["securityContext"] == agreed["spec"]["containers"][0]["securityContext"]
    assert tuple(container["command"][: len(wire.INTERPRETER)]) == wire.INTERPRETER
    assert {"cpu", "memory", "ephemeral-storage"} <= set(container["resources"]["limits"])
    assert [volume["name"] for volume in probe["spec"]["volumes"]] == ["payload"], "there is nothing to be kept from it"
