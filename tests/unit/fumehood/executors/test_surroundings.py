"""Where the targets of a probe come from, and what the operator itself reaches of them."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood.core import isolation
from fumehood.executors.kubernetes import surroundings
from fumehood.executors.kubernetes.surroundings import Surroundings, control, own_address, resolver
from fumehood.kube import KUBERNETES_SLICE
from fumehood.settings import NodeRule
from unit.fumehood.fakes import FakeCluster


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCluster:
    found = FakeCluster()
    endpoints = [{"addresses": ["192.0.2.1"]}, {"addresses": ["192.0.2.2"]}]
    found.seed(KUBERNETES_SLICE, {"metadata": {"name": "kubernetes"}, "ports": [{"port": 6443}], "endpoints": endpoints})
    addresses = [{"type": "Hostname", "address": "n1"}, {"type": "InternalIP", "address": "192.0.2.7"}]
    found.seed("/api/v1/nodes/n1", {"metadata": {"name": "n1"}, "status": {"addresses": addresses}})
    (tmp_path / "resolv.conf").write_text("search lab.svc\nnameserver 10.96.0.10\nnameserver 10.96.0.11\n")
    monkeypatch.setattr(surroundings, "RESOLVER", tmp_path / "resolv.conf")
    monkeypatch.setattr(surroundings, "own_address", lambda towards: "10.244.0.5")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    return found


def around(cluster: FakeCluster, dns: str | None = None) -> Surroundings:
    return Surroundings(cluster, lambda: ("192.0.2.10", "192.0.2.11"), 9000, 8080, ipaddress.ip_address(dns) if dns else None)


async def test_every_target_but_the_node_has_its_place(cluster: FakeCluster) -> None:
    assert await around(cluster).places() == {
        isolation.METADATA: ("169.254.169.254", 80),
        isolation.API_SERVER: ("10.96.0.1", 443),
        isolation.API_ENDPOINT: ("192.0.2.1", 6443),
        isolation.POD: ("10.244.0.5", 8080),
        isolation.DNS_UDP: ("10.96.0.10", 53),
        isolation.DNS_TCP: ("10.96.0.10", 53),
        isolation.STORE: ("192.0.2.10", 9000),
    }


async def test_the_setting_names_another_dns(cluster: FakeCluster) -> None:
    assert (await around(cluster, "10.96.0.53").places())[isolation.DNS_UDP] == ("10.96.0.53", 53)


async def test_outside_of_a_cluster_there_is_less_to_try(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST")
    assert not {isolation.API_SERVER, isolation.API_ENDPOINT, isolation.POD} & set(await around(cluster).places())


async def test_an_api_server_that_does_not_tell_its_address_is_probed_by_its_service(cluster: FakeCluster) -> None:
    del cluster.objects[KUBERNETES_SLICE]
    found = await around(cluster).places()
    assert isolation.API_ENDPOINT not in found and isolation.API_SERVER in found


async def test_what_no_profile_may_open(cluster: FakeCluster) -> None:
    found = {str(address) for address in (await around(cluster).guarded()).values()}
    assert found == {"10.96.0.1", "10.244.0.5", "10.96.0.10", "192.0.2.1", "192.0.2.2", "192.0.2.7"}


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


async def test_the_control_reaches_what_is_there_by_the_probes_own_program(port: int) -> None:
    places = {isolation.POD: ("127.0.0.1", port), isolation.STORE: ("$(NODE_ADDRESS)", 1)}
    assert await control(isolation.errand(places, NodeRule.REPORT, 5.0, 0.0)) == {isolation.POD}


def test_the_own_address_is_the_one_on_the_way() -> None:
    assert own_address("127.0.0.1") == "127.0.0.1"


def test_without_a_name_server_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(surroundings, "RESOLVER", tmp_path / "none")
    assert resolver() == ""
    (tmp_path / "none").write_text("nameserver\noptions ndots:5\n")
    assert resolver() == ""
