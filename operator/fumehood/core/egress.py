"""Ways out of the sandbox: which profile a job gets, what it opens, and what no profile may ever open (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from ..api.v1alpha1 import Egress
from ..errors import SettingsError
from ..settings import EgressProfile, NetworkSettings
from .failures import Reason, Refused

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# Loopback, link-local and multicast, and the addresses outside of them at which clouds hand out credentials.
NEVER: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "100.100.100.200/32", "168.63.129.16/32"),
        *("::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8", "fd00:ec2::254/128", "fd20:ce::254/128"),
    )
)


@dataclass(frozen=True)
class Block:
    """One range that is open, but for the smaller ones in it that stay shut."""

    cidr: str
    shut: tuple[str, ...] = ()


@dataclass(frozen=True)
class Grant:
    """The way out of one attempt."""

    profile: str
    blocks: tuple[Block, ...]
    ports: tuple[int, ...]
    protocol: str = "TCP"
    hosts: Mapping[str, str] = field(default_factory=dict)
    ca: str | None = None
    until: datetime | None = None


def grant(wish: Egress | None, namespace: str, network: NetworkSettings, now: datetime) -> Grant | None:
    """Return what a job gets that asks for `wish`.

    Raises:
        Refused: no such profile, not for this namespace, or not any more.
    """
    if wish is None:
        return None
    offered = offers(namespace, network.profiles, now)
    if wish.profile in offered:
        return granted(wish.profile, network)
    profile = network.profiles.get(wish.profile)
    if profile is None:
        why = "there is no such egress profile"
    elif not _serves(profile, namespace):
        why = f"this egress profile is not for namespace {namespace!r}"
    else:
        why = f"this egress profile ended at {profile.until}"
    here = f"namespace {namespace!r} may use {', '.join(offered)}" if offered else f"namespace {namespace!r} may use none"
    raise Refused(Reason.EGRESS_NOT_ALLOWED, f"spec.egress.profile: {wish.profile!r}: {why}; {here[:800]}")


def offers(namespace: str, profiles: Mapping[str, EgressProfile], now: datetime) -> list[str]:
    """Return the names of the profiles that a namespace may use now."""
    return sorted(
        name for name, profile in profiles.items() if _serves(profile, namespace) and (profile.until is None or now < profile.until)
    )


def granted(name: str, network: NetworkSettings) -> Grant:
    """Return a profile as the grant that comes of it."""
    profile = network.profiles[name]
    shut = (*NEVER, *network.cluster_ranges)
    return Grant(
        profile=name,
        blocks=tuple(Block(str(cidr), _inside(cidr, shut)) for cidr in profile.cidrs),
        ports=profile.ports,
        protocol=profile.protocol,
        hosts={host: str(address) for host, address in profile.hosts.items()},
        ca=profile.ca,
        until=profile.until,
    )


def check(network: NetworkSettings, guarded: Mapping[str, Address]) -> None:
    """Refuse profiles that open what must stay shut; `guarded` are addresses of the cluster by what they are.

    Raises:
        SettingsError: naming the profile, what it opens, and what to give instead.
    """
    if not network.profiles:
        return
    if not network.cluster_ranges:
        raise SettingsError("network.clusterRanges: give the ranges of Pods, Services and nodes, so that no egress profile opens them")
    for what, address in guarded.items():
        if not any(address in cidr for cidr in (*network.cluster_ranges, *NEVER)):
            raise SettingsError(f"network.clusterRanges: {address} ({what}) is in none of them; give the range that it is of")
    for name in network.profiles:
        _check_profile(name, network, guarded)


def _check_profile(name: str, network: NetworkSettings, guarded: Mapping[str, Address]) -> None:
    profile, here = network.profiles[name], f"network.profiles.{name}"
    for cidr in profile.cidrs:
        if found := _holder(cidr, NEVER):
            raise SettingsError(f"{here}.cidrs: {cidr} is of {found}, which no profile may open")
        if (found := _holder(cidr, network.cluster_ranges)) and not (profile.cluster and cidr.num_addresses == 1):
            raise SettingsError(
                f"{here}.cidrs: {cidr} is of {found}, one of network.clusterRanges; "
                "give addresses outside of the cluster, or single ones with cluster: true"
            )
    for what, address in guarded.items():
        if any(address in cidr and _holder(cidr, network.cluster_ranges) for cidr in profile.cidrs):
            raise SettingsError(f"{here}.cidrs: {address} is {what}, which no profile may open")
    for host, address in profile.hosts.items():
        if not any(opens(block, address) for block in granted(name, network).blocks):
            raise SettingsError(f"{here}.hosts: {host}: {address} is not among the addresses that the profile opens")


def opens(block: Block, address: Address) -> bool:
    """Whether an address can be reached through a block."""
    return address in ip_network(block.cidr) and not any(address in ip_network(shut) for shut in block.shut)


def _serves(profile: EgressProfile, namespace: str) -> bool:
    return any(fnmatchcase(namespace, pattern) for pattern in profile.namespaces)


def _inside(cidr: Network, others: Iterable[Network]) -> tuple[str, ...]:
    """Return those of `others` that are smaller parts of `cidr`, none of them twice."""
    parts = {other for other in others if other != cidr and _within(other, cidr)}
    widest = (part for part in parts if not any(part != other and _within(part, other) for other in parts))
    return tuple(str(part) for part in sorted(widest, key=lambda part: (part.version, int(part.network_address))))


def _holder(cidr: Network, others: Iterable[Network]) -> Network | None:
    """Return the first of `others` that holds all of `cidr`."""
    return next((other for other in others if _within(cidr, other)), None)


def _within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)
