"""The node's documents: what must hold of them, whatever else they say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from checkout import Checkout, env_document
from embedded import addons, components, config, pki
from embedded.addresses import choose
from embedded.place import Place
from embedded.preflight import CGROUPS_V1, missing_controllers

ONE, OTHER = Place("f2af6c09"), Place("daa3e94f")
ADDRESSES = choose(ONE.identity, [])
BIN = Path("/cache")


def all_components(place: Place) -> list[components.Component]:
    return [
        components.etcd(place, BIN),
        components.containerd(place, BIN, "/usr/bin"),
        components.api_server(place, BIN, ADDRESSES, ""),
        components.controller_manager(place, BIN),
        components.scheduler(place, BIN),
        components.kubelet(place, BIN, ADDRESSES),
        components.proxy(place, BIN),
        components.netpol(place, BIN),
        components.coredns(place, BIN),
        components.minio(place, BIN, ADDRESSES, "key", "secret"),
    ]


def test_no_path_of_one_cluster_is_in_another() -> None:
    texts = [config.containerd(ONE, True), config.kubelet(ONE), config.cni(ONE), config.runsc(ONE)]
    texts += [" ".join(component.argv) for component in all_components(ONE)]
    for text in texts:
        assert OTHER.identity not in text
        assert "/var/lib/containerd" not in text
        assert "/run/containerd" not in text
    assert config.containerd(ONE, True).count(ONE.identity) >= 6


def test_interface_and_socket_names_are_short_enough() -> None:
    assert all(len(ONE.veth(end)) <= 15 for end in "hnms")
    assert len(f"{ONE.containerd_socket}.ttrpc") < 100


def test_kubelet_guards_the_machine() -> None:
    settings = json.loads(config.kubelet(ONE))
    assert settings["podPidsLimit"] == 4096
    assert settings["cgroupRoot"] == f"/{ONE.cgroup}"
    assert settings["authentication"]["anonymous"] == {"enabled": False}
    wrapper = " ".join(components.kubelet_wrapper(ONE))
    assert all(f"/proc/sys/{key}" in wrapper for key in components.SHADOWED_SYSCTLS)


def test_gvisor_is_there_only_when_asked_for() -> None:
    assert "runsc" in config.containerd(ONE, True)
    assert "runsc" not in config.containerd(ONE, False)
    kinds = [content["kind"] for _, content in addons.objects(ADDRESSES, True)]
    assert kinds.count("RuntimeClass") == 1
    assert "RuntimeClass" not in [content["kind"] for _, content in addons.objects(ADDRESSES, False)]


def test_store_runs_outside_of_the_node() -> None:
    netns = {component.name: component.netns for component in all_components(ONE)}
    assert netns.pop("minio") == ONE.store_netns
    assert set(netns.values()) == {ONE.node_netns}


def test_secret_key_is_not_on_a_command_line() -> None:
    assert not any("secret" in word for word in all_components(ONE)[-1].argv)


def test_audit_log_is_off_unless_asked_for() -> None:
    assert "audit" not in " ".join(components.api_server(ONE, BIN, ADDRESSES, "").arguments)
    assert "--audit-log-path=/a" in components.api_server(ONE, BIN, ADDRESSES, "/a").arguments


def test_pki_is_made_anew_for_other_addresses() -> None:
    assert pki.purpose(ADDRESSES) == pki.purpose(choose(ONE.identity, []))
    assert pki.purpose(ADDRESSES) != pki.purpose(choose(OTHER.identity, []))


@pytest.mark.parametrize(
    ("offered", "missing"),
    [
        (CGROUPS_V1, []),
        (("unified", "cpu", "cpuset", "memory", "pids"), []),
        (("unified", "cpu", "cpuset", "memory"), ["pids"]),
        (tuple(name for name in CGROUPS_V1 if name != "freezer"), ["freezer"]),
    ],
)
def test_cgroups_of_both_kinds(offered: tuple[str, ...], missing: list[str]) -> None:
    assert missing_controllers(offered) == missing


def test_env_is_quoted() -> None:
    text = env_document({"S3_SECRET_KEY": "a'b $c"}, Path("/p q"))
    assert """export S3_SECRET_KEY='a'"'"'b $c'""" in text
    assert """export PATH='/p q':"$PATH\"""" in text


def test_two_checkouts_have_two_identities() -> None:
    assert Checkout(Path("/a")).identity != Checkout(Path("/b")).identity
