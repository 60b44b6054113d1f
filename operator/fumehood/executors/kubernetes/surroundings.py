"""What is around the operator: the addresses that a probe must not reach, and whether the operator reaches them.

The operator's own process is the control of every proof, so it is asked from here:
by the very program that the probe runs.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from fumehood_sandbox import wire

from ...core import isolation
from ...core.egress import Address
from ...errors import Permanent
from ...kube import KUBERNETES_SLICE
from ...ports import Cluster

METADATA = ("169.254.169.254", 80)
KUBELET_PORT, DNS_PORT = 10250, 53
RESOLVER = Path("/etc/resolv.conf")
CONTROL_SLACK = 20.0
_log = logging.getLogger(__name__)

Places = dict[str, tuple[str, int]]


class Surroundings:
    """Finds the addresses; `listening` is a port of the operator that is open to every Pod."""

    def __init__(
        self, cluster: Cluster, store: Callable[[], tuple[str, ...]], store_port: int, listening: int, dns: Address | None = None
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._store_port = store_port
        self._listening = listening
        self._dns = str(dns) if dns else ""

    async def places(self) -> Places:
        """Return what a probe is to try, but for its node, which is known when it runs."""
        found: Places = {isolation.METADATA: METADATA}
        host = os.environ.get("KUBERNETES_SERVICE_HOST")
        if host:
            found[isolation.API_SERVER] = (host, int(os.environ.get("KUBERNETES_SERVICE_PORT", "443")))
            found[isolation.POD] = (own_address(host), self._listening)
            if endpoints := await self._api_endpoints():
                found[isolation.API_ENDPOINT] = endpoints[0]
        if dns := self._dns or await asyncio.to_thread(resolver):
            found[isolation.DNS_UDP] = found[isolation.DNS_TCP] = (dns, DNS_PORT)
        found[isolation.STORE] = ((await asyncio.to_thread(self._store))[0], self._store_port)
        return found

    async def guarded(self) -> Mapping[str, Address]:
        """Return the addresses that no egress profile may open, by what they are."""
        places = await self.places()
        own = (isolation.API_SERVER, isolation.POD, isolation.DNS_UDP)
        found = {isolation.MEANING[name]: places[name][0] for name in own if name in places}
        found |= {f"the API server's endpoint {address}": address for address, _ in await self._api_endpoints()}
        nodes = await self._cluster.get("/api/v1/nodes?limit=500")
        for node in nodes.get("items") or []:
            for entry in (node.get("status") or {}).get("addresses") or []:
                if entry.get("type") == "InternalIP":
                    found[f"node {node['metadata']['name']}"] = entry["address"]
        return {what: ipaddress.ip_address(address) for what, address in found.items()}

    async def _api_endpoints(self) -> list[tuple[str, int]]:
        try:
            document = await self._cluster.get(KUBERNETES_SLICE)
        except Permanent as error:
            _log.warning("the API server's own address is not known, and so not probed: %s", error)
            return []
        ports = [int(port["port"]) for port in document.get("ports") or [] if port.get("port")]
        return [(str(address), port) for entry in document.get("endpoints") or [] for address in entry["addresses"] for port in ports[:1]]


async def control(errand: wire.Errand) -> frozenset[str]:
    """Return the names of the targets that the operator itself reaches."""
    command = (sys.executable, "-I", "-m", "fumehood_sandbox", wire.PROBE, wire.encode(errand).decode())
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env={})
    try:
        said, _ = await asyncio.wait_for(process.communicate(), errand.timeout + CONTROL_SLACK)
        return frozenset(wire.decode(wire.Sighting, said, max_bytes=wire.MAX_SIGHTING).reached)
    except (TimeoutError, wire.DecodeError):
        return frozenset()
    finally:
        if process.returncode is None:
            process.kill()


def own_address(towards: str) -> str:
    """Return the address that this process has on the way to another; nothing is sent."""
    family = socket.AF_INET6 if ":" in towards else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.connect((towards, 9))
        return str(asked.getsockname()[0])


def resolver() -> str:
    """Return the address of the name server that this process uses: in a Pod, the cluster's DNS."""
    try:
        lines = RESOLVER.read_text().splitlines()
    except OSError:
        return ""
    words = (line.split() for line in lines)
    return next((word[1] for word in words if len(word) > 1 and word[0] == "nameserver"), "")
