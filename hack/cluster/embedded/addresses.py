"""Choice of the cluster's addresses: pure, from the range reserved for benchmarks (198.18.0.0/15).

A block of 16 addresses per cluster: a /30 between host and node, a /30 between
node and store, the rest free for hosts that tests put beside them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

RANGE = ipaddress.IPv4Network("198.18.0.0/15")
BLOCK_PREFIX = 28


@dataclass(frozen=True)
class Addresses:
    """The addresses of one cluster, all within ``block``."""

    block: str

    def _at(self, offset: int) -> str:
        return str(ipaddress.IPv4Network(self.block)[offset])

    @property
    def host(self) -> str:
        """The host's end of its link with the node."""
        return self._at(1)

    @property
    def node(self) -> str:
        """The node: API server, kubelet, DNS."""
        return self._at(2)

    @property
    def node_to_store(self) -> str:
        """The node's end of its link with the store."""
        return self._at(5)

    @property
    def store(self) -> str:
        """The object store; Pods reach it only through the node's forwarding."""
        return self._at(6)

    @property
    def store_network(self) -> str:
        """The /30 of the store's link, which the host routes through the node."""
        return f"{self._at(4)}/30"


def choose(identity: str, taken: Iterable[str]) -> Addresses:
    """The block that ``identity`` (hex) points at, or the next that no network of ``taken`` overlaps."""
    used = [ipaddress.ip_network(network, strict=False) for network in taken]
    blocks = 2 ** (BLOCK_PREFIX - RANGE.prefixlen)
    first = int(identity, 16) % blocks
    for step in range(blocks):
        offset = ((first + step) % blocks) << (32 - BLOCK_PREFIX)
        block = ipaddress.IPv4Network((int(RANGE.network_address) + offset, BLOCK_PREFIX))
        if not any(isinstance(network, ipaddress.IPv4Network) and block.overlaps(network) for network in used):
            return Addresses(str(block))
    raise ValueError(f"every block of {RANGE} is taken")
