"""What the executor does with the API server's answers."""

from __future__ import annotations

from typing import Any

import pytest

from fumehood.core import names
from fumehood.errors import Forbidden, Invalid, NotFound
from fumehood.executors.kubernetes.capabilities import handlers_with_user_namespaces
from fumehood.kube import core_path
from unit.fumehood.builders import UID
from unit.fumehood.fakes import FakeCluster
from unit.fumehood.world import PODS, World

Json = dict[str, Any]
ENVIRONMENT = "/apis/fumehood.dev/v1alpha1/analysisenvironments/python"


def node(**handlers: bool) -> Json:
    return {
        "status": {"runtimeHandlers": [{"name": name.strip("_"), "features": {"userNamespaces": can}} for name, can in handlers.items()]}
    }


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        ([], set()),
        ([{}], set()),
        ([{"status": {"runtimeHandlers": None}}], set()),
        ([node(_=True, runsc=False)], {""}),
        ([node(_=True, runsc=True), node(_=True)], {""}),
        ([node(_=True), {}], set()),
        ([{"status": {"runtimeHandlers": [{"name": "", "features": None}]}}], set()),
    ],
)
def test_a_handler_counts_only_if_every_node_has_it(nodes: list[Json], expected: set[str]) -> None:
    assert handlers_with_user_namespaces(nodes) == expected


async def submitted(wish: str, can: bool, runtime_class: str | None = None) -> World:
    world = World()
    world.cluster.change("/api/v1/nodes/node", node(_=can, runsc=can))
    world.cluster.seed("/apis/node.k8s.io/v1/runtimeclasses/gvisor", {"metadata": {"name": "gvisor"}, "handler": "runsc"})
    world.cluster.change(ENVIRONMENT, {"spec": {"userNamespaces": wish, "runtimeClassName": runtime_class}})
    await world.submit()
    return world


@pytest.mark.parametrize(
    ("wish", "can", "host_users"),
    [("Auto", True, False), ("Auto", False, None), ("Required", True, False), ("Off", True, None), ("Off", False, None)],
)
@pytest.mark.parametrize("runtime_class", [None, "gvisor"])
async def test_user_namespaces_are_used_as_wished_and_possible(
    wish: str, can: bool, host_users: bool | None, runtime_class: str | None
) -> None:
    world = await submitted(wish, can, runtime_class)
    (pod,) = world.pods
    assert pod["spec"].get("hostUsers") is host_users


async def test_what_is_required_and_missing_starts_nothing() -> None:
    world = await submitted("Required", False)
    assert (world.reason, world.pods) == ("SandboxUnavailable", [])
    assert world.status["failure"]["evidence"]["missing"] == ["userNamespaces"]


async def test_a_runtime_class_that_is_not_there_starts_nothing() -> None:
    world = await submitted("Auto", True, "kata")
    assert (world.reason, world.pods) == ("SandboxUnavailable", [])


def refusing(cluster: FakeCluster, error: Exception) -> None:
    cluster.fault = lambda method, path, done: error if method == "POST" and path.startswith(PODS) else None


@pytest.mark.parametrize("error", [Forbidden("violates PodSecurity \x1b[31m"), Invalid("spec.containers: nonsense")])
async def test_a_pod_that_is_refused_ends_the_job_in_clean_words(error: Exception) -> None:
    world = World()
    refusing(world.cluster, error)
    await world.submit()
    assert (world.status["phase"], world.reason) == ("Failed", "PodRefused")
    assert "\x1b" not in world.status["failure"]["message"]
    assert world.operator.reconciler.admission.active == 0


async def test_a_full_quota_is_waited_for() -> None:
    world = World()
    refusing(world.cluster, Forbidden("pods is forbidden: exceeded quota: small"))
    await world.submit()
    assert world.status == {}
    assert world.operator.errors[0].delay == 10  # type: ignore[attr-defined]
    world.cluster.fault = lambda method, path, done: None
    await world.operator.look_again()
    assert world.status["phase"] == "Starting"


async def test_a_pod_of_the_same_name_with_another_uid_is_not_deleted() -> None:
    world = World()
    await world.submit()
    await world.pod_runs()
    await world.collector_seals()
    (path,) = [path for path in world.cluster.objects if path.startswith(PODS)]
    world.operator.alive = False
    world.cluster.change(path, {"metadata": {"uid": "a-successor"}})
    world.operator.alive = True
    world.clock.pass_(60)
    await world.operator.look_again()
    assert path in world.cluster.objects


async def test_stopping_what_is_gone_is_no_error() -> None:
    world = World()
    await world.submit()
    await world.pod_runs()
    world.operator.alive = False
    await world.pod_vanishes()
    world.operator.alive = True
    await world.cancel()
    assert world.status["phase"] == "Cancelled"


async def test_the_fake_answers_like_the_real_one() -> None:
    cluster = FakeCluster()
    with pytest.raises(NotFound):
        await cluster.get(f"{PODS}/nothing")


@pytest.mark.parametrize(
    "error", [Forbidden("violates PodSecurity"), Invalid("nonsense"), Forbidden("pods is forbidden: exceeded quota: small")]
)
async def test_a_pod_that_is_refused_leaves_no_secret(error: Exception) -> None:
    world = World()
    refusing(world.cluster, error)
    await world.submit()
    assert world.cluster.of("secrets") == []


async def test_a_secret_without_its_pod_is_made_anew() -> None:
    """What an operator left that was killed between the two may hold a permit that is over."""
    world = World()
    name = names.pod("co2-trend", UID, 1)
    world.cluster.seed(
        core_path("lab", "secrets", name), {"metadata": {"name": name, "namespace": "lab", "uid": "old"}, "data": {"order.json": "old"}}
    )
    await world.submit()
    (made,) = world.cluster.of("secrets")
    assert made["data"] != {"order.json": "old"}
    assert world.status["phase"] == "Starting"
