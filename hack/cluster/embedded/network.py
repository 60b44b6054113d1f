"""Network namespaces of the node and of the store, and the links between them.

Everything that routing, NAT and packet filters need happens inside the
namespaces: on the host there is one link and one route, both gone with the
namespace. Every step looks first and repairs what it finds, since the tool may
have been killed anywhere before.
"""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedded.addresses import Addresses
from embedded.commands import run, succeeds
from embedded.place import SERVICE_RANGE, Place
from report import ClusterError

NETNS_HOME = Path("/run/netns")
CLONE_NEWNET = 0x40000000
NODE_SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    # Pods share a bridge: without these, traffic between them passes by every policy.
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/bridge/bridge-nf-call-ip6tables": "1",
}


def netns_path(name: str) -> Path:
    """The file by which a namespace is entered."""
    return NETNS_HOME / name


def netns_exists(name: str) -> bool:
    """Whether ``name`` is a live namespace; a plain file of a killed `ip netns add` is none."""
    try:
        return netns_path(name).stat().st_dev == os.stat("/proc/self/ns/net").st_dev
    except OSError:
        return False


@contextmanager
def inside(name: str) -> Iterator[None]:
    """The calling thread is in the namespace within this block."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        target = os.open(netns_path(name), os.O_RDONLY)
        try:
            if libc.setns(target, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), f"cannot enter network namespace {name}")
        finally:
            os.close(target)
        try:
            yield
        finally:
            if libc.setns(home, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "cannot return to the own network namespace")
    finally:
        os.close(home)


def ensure(place: Place, addresses: Addresses) -> None:
    """Namespaces, links, addresses and routes as they have to be."""
    for name in (place.node_netns, place.store_netns):
        _ensure_netns(name)
    _ensure_link("", place.veth("h"), addresses.host, place.node_netns, place.veth("n"), addresses.node)
    _ensure_link(
        place.node_netns,
        place.veth("m"),
        addresses.node_to_store,
        place.store_netns,
        place.veth("s"),
        addresses.store,
    )
    # Nothing leads out: on a host that forwards, a default route would let Pods' packets escape.
    run(["ip", "-n", place.node_netns, "route", "replace", "unreachable", "default"])
    # The node's own processes need some route before a Service's address is translated.
    run(["ip", "-n", place.node_netns, "route", "replace", SERVICE_RANGE, "dev", place.veth("n")])
    run(["ip", "-n", place.store_netns, "route", "replace", "default", "via", addresses.node_to_store])
    run(["ip", "route", "replace", addresses.store_network, "via", addresses.node])
    with inside(place.node_netns):
        for key, value in NODE_SYSCTLS.items():
            path = Path("/proc/sys") / key
            if path.exists():
                path.write_text(value)


def _ensure_netns(name: str) -> None:
    if netns_exists(name):
        return
    netns_path(name).unlink(missing_ok=True)
    run(["ip", "netns", "add", name])
    run(["ip", "-n", name, "link", "set", "lo", "up"])


def _has(netns: str, link: str, address: str) -> bool:
    shown = [*_ip(netns), "-j", "address", "show", "dev", link, "up"]
    if not succeeds(shown):
        return False
    entries = json.loads(run(shown) or "[]")
    return any(info.get("local") == address for entry in entries if entry for info in entry.get("addr_info", []))


def _ip(netns: str) -> list[str]:
    return ["ip", "-n", netns] if netns else ["ip"]


def _ensure_link(netns: str, link: str, address: str, peer_netns: str, peer: str, peer_address: str) -> None:
    """A veth pair with a /30 on it; anything half-made is deleted and made anew."""
    if _has(netns, link, address) and _has(peer_netns, peer, peer_address):
        return
    for where, name in ((netns, link), (peer_netns, peer)):
        if succeeds([*_ip(where), "link", "show", name]):
            run([*_ip(where), "link", "delete", name])
    run([*_ip(netns), "link", "add", link, "type", "veth", "peer", "name", peer, "netns", peer_netns])
    for where, name, own in ((netns, link, address), (peer_netns, peer, peer_address)):
        run([*_ip(where), "address", "add", f"{own}/30", "dev", name])
        run([*_ip(where), "link", "set", name, "up"])


def remove(place: Place) -> None:
    """Delete both namespaces; links, routes, packet filters and bridges go with them."""
    for name in (place.node_netns, place.store_netns):
        if netns_exists(name):
            run(["ip", "netns", "delete", name])
        netns_path(name).unlink(missing_ok=True)
    # A namespace lives on while a socket holds it: do not wait for the kernel with the host's end.
    if succeeds(["ip", "link", "show", place.veth("h")]):
        run(["ip", "link", "delete", place.veth("h")])


def networks_in_use(own_link: str) -> list[str]:
    """Every IPv4 network that the host routes or has an address in, but for our own link."""
    try:
        routes = json.loads(run(["ip", "-j", "-4", "route", "show", "table", "all"]) or "[]")
    except ValueError as error:
        raise ClusterError("`ip -j route` printed no JSON", "a newer iproute2 is needed") from error
    return [route["dst"] for route in routes if route.get("dst", "default") != "default" and route.get("dev") != own_link]
