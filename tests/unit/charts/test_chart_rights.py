"""The operator's role is what it asks for: every request of every kind of life is granted, and nothing else is.

The requests are those that the reconciler and its executor make of a cluster in memory;
what kopf asks for by itself is added from what we registered with it.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Any

import kopf
import pytest
from chart import Document, render
from test_chart_rbac import rules

from fumehood.errors import AlreadyExists, Forbidden
from fumehood.executors.kubernetes.surroundings import Surroundings
from fumehood.handlers import register
from fumehood.kube import KUBERNETES_SLICE, core_path, environment_path
from unit.fumehood.fakes import Access, FakeCluster, access
from unit.fumehood.world import JOB, PODS, World, cancelled_manifest

SCANNING = ("apiextensions.k8s.io", "customresourcedefinitions")  # kopf learns by it that the CRDs are there
PROFILE = {"cidrs": ["198.51.100.7/32"], "ports": [443], "namespaces": ["lab"]}
RUNTIME_CLASS = "/apis/node.k8s.io/v1/runtimeclasses/gvisor"


async def succeeds_and_expires(world: World) -> None:
    await world.submit(ttlSecondsAfterFinished=60)
    await world.pod_runs()
    world.clock.pass_(3)
    await world.operator.look_again()
    await world.runs_well()
    world.clock.pass_(60)
    await world.operator.look_again()
    assert JOB not in world.cluster.objects


async def is_cancelled(world: World) -> None:
    await world.submit()
    await world.pod_runs()
    await world.cancel()
    await world.collector_seals(cancelled_manifest())
    await world.pod_ends("Failed", reason="DeadlineExceeded")


async def has_its_source_in_a_config_map(world: World) -> None:
    world.cluster.seed(core_path("lab", "configmaps", "code"), {"metadata": {"name": "code"}, "data": {"main.py": "pass"}})
    await world.submit(source={"entrypoint": "main.py", "configMap": {"name": "code"}})
    await world.runs_well()


async def is_taken_again_and_repeated(world: World) -> None:
    root_ca = {"metadata": {"name": "kube-root-ca.crt", "uid": "33333333-3b4a-4c5d-8e6f-7a8b9c0d1e2f"}}
    world.cluster.seed(core_path("lab", "configmaps", "kube-root-ca.crt"), root_ca)
    await world.submit(cache="Reuse")
    await world.runs_well()
    await world.submit("second", "second-uid", cache="Reuse")
    await world.submit("third", "third-uid", replayOf="co2-trend")


async def runs_in_another_runtime(world: World) -> None:
    world.cluster.seed(RUNTIME_CLASS, {"metadata": {"name": "gvisor"}, "handler": "runsc"})
    world.cluster.change(environment_path("python"), {"spec": {"runtimeClassName": "gvisor"}})
    await world.submit()
    await world.runs_well()


async def finds_its_policy_changed(world: World) -> None:
    await world.submit()
    (path,) = [path for path in world.cluster.objects if "/networkpolicies/" in path]
    world.cluster.change(path, {"spec": {"egress": [{}]}})
    await world.submit("second", "second-uid")


async def finds_its_pod_and_order_there(world: World) -> None:
    refused = [AlreadyExists("x"), AlreadyExists("x")]
    world.cluster.fault = lambda method, path, done: refused.pop() if method == "POST" and not done and refused else None
    await world.submit()
    await world.runs_well()


async def is_refused(world: World) -> None:
    world.cluster.fault = lambda method, path, done: Forbidden("no") if path.startswith(PODS) else None
    await world.submit()


async def loses_its_pod(world: World) -> None:
    await world.submit()
    await world.pod_runs()
    await world.pod_vanishes()
    world.clock.pass_(10_000)
    await world.operator.look_again()


async def is_deleted(world: World) -> None:
    await world.submit()
    await world.pod_runs()
    deleted = world.cluster.objects.pop(JOB)
    world.operator.hear({"type": "DELETED", "object": deleted})
    await world.settle()


async def survives_a_restart(world: World) -> None:
    await world.submit()
    await world.pod_runs()
    await world.restart()
    world.clock.pass_(400)
    await world.operator.look_again()
    await world.runs_well()


LIVES: list[Callable[[World], Awaitable[None]]] = [
    succeeds_and_expires,
    is_cancelled,
    has_its_source_in_a_config_map,
    is_taken_again_and_repeated,
    runs_in_another_runtime,
    finds_its_policy_changed,
    finds_its_pod_and_order_there,
    is_refused,
    loses_its_pod,
    is_deleted,
    survives_a_restart,
]


async def asked() -> set[Access]:
    """Return every request of every life."""
    found: set[Access] = set()
    for live in LIVES:
        world = World()
        await live(world)
        found |= world.cluster.asked
    return found | await asked_of_the_network()


async def asked_of_the_network() -> set[Access]:
    """Return the requests of a proof, of a way out, and of looking around for both."""
    world = World(network={"proof": {"enabled": True}, "cluster_ranges": ["10.0.0.0/8"], "profiles": {"way": PROFILE}})
    await world.submit(egress={"profile": "way", "reason": "because"})
    await world.proved()
    assert world.status["egress"]["profile"] == "way"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        around = FakeCluster()
        around.seed(KUBERNETES_SLICE, {"metadata": {"name": "kubernetes"}, "ports": [{"port": 6443}], "endpoints": []})
        around.seed("/api/v1/nodes/n1", {"metadata": {"name": "n1"}, "status": {"addresses": []}})
        await Surroundings(around, lambda: ("192.0.2.10",), 9000, 8080, ipaddress.ip_address("10.96.0.10")).guarded()
    return world.cluster.asked | around.asked


def watched(namespaces: list[str]) -> set[Access]:
    """Return what kopf lists and watches: the resources of our handlers, and those by which it finds them."""
    registry = kopf.OperatorRegistry()
    register(registry, *[object()] * 3)  # type: ignore[arg-type]
    resources = {(str(selector.group), str(selector.any_name)) for selector in registry._watching.get_all_selectors()}
    assert resources == {
        ("fumehood.dev", "analysisjobs"),
        ("fumehood.dev", "analysisenvironments"),
        ("", "pods"),
        ("networking.k8s.io", "networkpolicies"),
    }
    resources |= {SCANNING} | ({("", "namespaces")} if namespaces else set())
    return {(verb, *resource) for resource in resources for verb in ("list", "watch")}


def granted(found: list[Document]) -> set[Access]:
    """Return every right of the operator's roles."""
    return {
        (verb, group, resource)
        for rule in rules(found)
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


@functools.cache
def chart(*namespaces: str) -> list[Document]:
    return render({"watch": {"namespaces": list(namespaces)}})


@pytest.mark.parametrize("namespaces", [[], ["lab", "class"]], ids=["all", "listed"])
async def test_the_role_holds_exactly_what_is_used(namespaces: list[str]) -> None:
    used, rights = await asked() | watched(namespaces), granted(chart(*namespaces))
    assert used - rights == set(), "asked for and not granted"
    assert rights - used == set(), "granted and never asked for"


@pytest.mark.parametrize("namespaces", [[], ["lab"]], ids=["all", "listed"])
def test_secrets_are_never_read(namespaces: list[str]) -> None:
    verbs = {verb for verb, group, resource in granted(chart(*namespaces)) if (group, resource) == ("", "secrets")}
    assert verbs == {"create", "delete"}
    assert not any(name == "*" for right in granted(chart(*namespaces)) for name in right)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/nodes?limit=500", ("list", "", "nodes")),
        ("GET", "/api/v1/namespaces/lab/pods/x", ("get", "", "pods")),
        ("POST", "/api/v1/namespaces/lab/secrets", ("create", "", "secrets")),
        ("PATCH", "/apis/fumehood.dev/v1alpha1/namespaces/lab/analysisjobs/x/status", ("patch", "fumehood.dev", "analysisjobs/status")),
        ("PUT", "/apis/networking.k8s.io/v1/namespaces/lab/networkpolicies/x", ("update", "networking.k8s.io", "networkpolicies")),
        ("DELETE", "/api/v1/namespaces/lab/pods/x", ("delete", "", "pods")),
    ],
)
def test_requests_are_read_as_rbac_reads_them(method: str, path: str, expected: Any) -> None:
    assert access(method, path) == expected
