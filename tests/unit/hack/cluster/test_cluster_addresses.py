"""Addresses: stable per checkout, within the benchmark range, never on top of what is there."""

from __future__ import annotations

import ipaddress

import pytest
from embedded.addresses import RANGE, choose

IDENTITIES = ["00000000", "f2af6c09", "daa3e94f", "ffffffff"]


@pytest.mark.parametrize("identity", IDENTITIES)
def test_block_is_stable_and_in_range(identity: str) -> None:
    first, again = choose(identity, []), choose(identity, [])
    assert first == again
    assert ipaddress.IPv4Network(first.block).subnet_of(RANGE)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_a_taken_block_is_left_alone(identity: str) -> None:
    first = choose(identity, [])
    second = choose(identity, [f"{first.node}/32", "fd00::/64"])
    assert not ipaddress.ip_network(first.block).overlaps(ipaddress.ip_network(second.block))


def test_store_is_on_another_link_than_the_node() -> None:
    addresses = choose("f2af6c09", [])
    assert addresses.store not in (addresses.node, addresses.node_to_store, addresses.host)
    assert ipaddress.ip_address(addresses.store) in ipaddress.ip_network(addresses.store_network)
    assert ipaddress.ip_address(addresses.node) not in ipaddress.ip_network(addresses.store_network)


def test_no_room_is_said() -> None:
    with pytest.raises(ValueError, match="taken"):
        choose("f2af6c09", [str(RANGE)])
