"""Files of web servers: which of them a job's egress profile opens, and at which address (pure)."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import quote

from fumehood_sandbox import wire

from ..api.v1alpha1 import Evidence
from .egress import Grant, opens
from .failures import Reason, Refused

_HTTPS = 443
_ASCII = "".join(chr(code) for code in range(0x21, 0x7F))


def remote(url: str, grant: Grant | None, name: str) -> wire.Remote:
    """Return how the input `name` is fetched from `url` (https://host[:port]/path): by address, since Pods have no DNS.

    Raises:
        Refused: the way out that was granted does not lead there.
    """
    authority, _, path = url.removeprefix("https://").partition("/")
    host, _, given = authority.partition(":")
    port = int(given or _HTTPS)
    if grant is None:
        raise _refused(name, host, "an input by https needs spec.egress, with a profile that has this host")
    profile = f"egress profile {grant.profile!r}"
    if host not in grant.hosts:
        known = ", ".join(sorted(grant.hosts)) or "none"
        raise _refused(name, host, f"{profile} does not have this host; its hosts: {known[:800]}")
    if grant.protocol != "TCP" or port not in grant.ports:
        ports = ", ".join(map(str, grant.ports))
        raise _refused(name, host, f"{profile} does not open TCP port {port}; it opens {grant.protocol} {ports[:200]}")
    address = ip_address(grant.hosts[host])
    if not any(opens(block, address) for block in grant.blocks):
        raise _refused(name, host, f"{profile} does not open this host's address; tell its administrator")
    literal = f"[{address}]" if address.version == 6 else str(address)
    # As browsers do: a request line is ASCII.
    return wire.Remote(f"https://{literal}:{port}/{quote(path, safe=_ASCII)}", authority, web=True)


def _refused(name: str, host: str, why: str) -> Refused:
    return Refused(Reason.EGRESS_NOT_ALLOWED, f"spec.inputs: {name}: https.url: {host!r}: {why}", Evidence(entry=name))
