"""Whether the network of a namespace's jobs is shut: from what a probe reached to a verdict, and how long it holds (pure)."""

from __future__ import annotations

import enum
import hashlib
import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fumehood_sandbox import wire

from ..errors import Retryable
from ..settings import NodeRule

FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=5), timedelta(minutes=5)
# A clock that was set back must not make a proof last for ever.
CLOCK_SKEW = timedelta(minutes=5)

API_SERVER, API_ENDPOINT, NODE, POD = "apiServer", "apiEndpoint", "node", "pod"
DNS_UDP, DNS_TCP, METADATA, STORE = "dnsUdp", "dnsTcp", "metadata", "store"
MEANING = {
    API_SERVER: "the API server",
    API_ENDPOINT: "the API server's own address",
    NODE: "the node",
    POD: "another Pod",
    DNS_UDP: "the cluster's DNS",
    DNS_TCP: "the cluster's DNS by TCP",
    METADATA: "the cloud's metadata service",
    STORE: "the artifact store",
}


class Outcome(enum.StrEnum):
    """What a proof came to; the reason of the condition NetworkIsolated."""

    PROVED = "Proved"
    REACHED = "TargetReached"
    STORE_SHUT = "StoreNotReached"
    NOTHING_PROVED = "NothingProved"
    PROBE_FAILED = "ProbeFailed"
    PROVING = "Proving"


class NetworkProof(enum.StrEnum):
    """What is known of the network around a sandbox that was made."""

    PROVED = "Proved"
    DISABLED = "Disabled"


@dataclass(frozen=True)
class Verdict:
    """Whether jobs may run. `proved` are the targets that the operator reaches and the probe does not."""

    outcome: Outcome
    message: str
    reached: tuple[str, ...] = ()
    proved: tuple[str, ...] = ()

    @property
    def fit(self) -> bool | None:
        """True: jobs may run. False: the network is open, or shut where it must not be. None: not known."""
        return {Outcome.PROVED: True, Outcome.REACHED: False, Outcome.STORE_SHUT: False}.get(self.outcome)


class NotIsolated(Retryable):
    """The network of a namespace's jobs is not proved shut: nothing runs there now."""

    def __init__(self, verdict: Verdict, delay: float) -> None:
        super().__init__(verdict.message, delay)
        self.verdict = verdict


def judge(reached: Collection[str], control: Collection[str], node: NodeRule) -> Verdict:
    """Return the verdict on what the probe `reached`; `control` is what the operator itself reaches.

    That the probe does not reach what nobody reaches proves nothing: only targets that
    the operator reaches count.
    """
    ignored = {STORE} | ({NODE} if node is NodeRule.REPORT else set())
    opened = [name for name in MEANING if name in reached and name not in ignored]
    proved = tuple(name for name in MEANING if name in control and name not in reached and name != STORE)
    seen = tuple(name for name in MEANING if name in reached)
    if opened:
        return Verdict(
            Outcome.REACHED,
            f"jobs of this namespace wait: a probe with a job's labels reached {_listed(opened)}; "
            "another NetworkPolicy of the namespace may allow it, or the cluster does not enforce policies",
            seen,
            proved,
        )
    if STORE not in control:
        return Verdict(Outcome.NOTHING_PROVED, "the operator itself does not reach the artifact store", seen, proved)
    if STORE not in reached:
        message = "jobs of this namespace wait: a probe with a job's labels did not reach the artifact store, so no result could be kept"
        return Verdict(Outcome.STORE_SHUT, message, seen, proved)
    if not set(proved) - ignored:
        message = "the operator itself reaches nothing that the probe could be kept from; does it run in the cluster?"
        return Verdict(Outcome.NOTHING_PROVED, message, seen)
    return Verdict(Outcome.PROVED, f"a probe with a job's labels was kept from {_listed(proved)}", seen, proved)


def failed(why: str) -> Verdict:
    """Return the verdict of a proof that could not be made."""
    return Verdict(Outcome.PROBE_FAILED, f"jobs of this namespace wait: the network probe could not do its work: {why}")


PROVING = Verdict(Outcome.PROVING, "a probe looks whether the network of this namespace's jobs is shut")


def _listed(targets: Collection[str]) -> str:
    return ", ".join(MEANING[name] for name in targets)


# --- how long a verdict holds ---


@dataclass(frozen=True)
class Proof:
    """A verdict, when it was found, and on which policies of the namespace."""

    verdict: Verdict
    at: datetime
    policies: str


class Standing(enum.Enum):
    """What a proof is worth now."""

    FRESH = enum.auto()
    DUE = enum.auto()  # jobs may run; it is to be renewed
    VOID = enum.auto()


def standing(proof: Proof | None, policies: str, now: datetime, interval: timedelta) -> Standing:
    """Return what a proof is worth, the policies being what they are now."""
    if proof is None or not proof.verdict.fit or proof.policies != policies:
        return Standing.VOID
    age = now - proof.at
    if age >= 2 * interval or age < -CLOCK_SKEW:
        return Standing.VOID
    return Standing.DUE if age >= interval else Standing.FRESH


def retry_after(failures: int) -> timedelta:
    """Return how long to wait after so many proofs in a row that were none."""
    return min(FIRST_RETRY * (1 << min(max(failures - 1, 0), 16)), LONGEST_RETRY)


def digest(policy: Mapping[str, Any]) -> str:
    """Return the digest of what a NetworkPolicy says."""
    return hashlib.sha256(json.dumps(policy.get("spec") or {}, sort_keys=True).encode()).hexdigest()


def fingerprint(policies: Mapping[str, str]) -> str:
    """Return one digest of all policies of a namespace, given by name and digest."""
    return hashlib.sha256(json.dumps(dict(policies), sort_keys=True).encode()).hexdigest()


# --- as an annotation, which outlives the operator ---


def sealed(proof: Proof, namespace: str, key: bytes) -> str:
    """Return a proof as text. Who may edit policies must not be able to write one: `key` is the operator's."""
    at, reached, proved = proof.at.isoformat(), list(proof.verdict.reached), list(proof.verdict.proved)
    body = {"outcome": proof.verdict.outcome, "at": at, "policies": proof.policies, "reached": reached, "proved": proved}
    return json.dumps(body | {"seal": _seal(body, namespace, key)}, sort_keys=True)


def unsealed(text: str, namespace: str, key: bytes) -> Proof | None:
    """Return the proof in `text`; None if it is none, or not the operator's of this namespace."""
    try:
        body = json.loads(text)
        seal = body.pop("seal")
        if not hmac.compare_digest(seal, _seal(body, namespace, key)):
            return None
        verdict = Verdict(Outcome(body["outcome"]), "found before the operator started", tuple(body["reached"]), tuple(body["proved"]))
        return Proof(verdict, datetime.fromisoformat(body["at"]), body["policies"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _seal(body: Mapping[str, Any], namespace: str, key: bytes) -> str:
    return hmac.new(key, json.dumps([namespace, body], sort_keys=True).encode(), hashlib.sha256).hexdigest()


# --- what to try ---


def errand(addresses: Mapping[str, tuple[str, int]], node: NodeRule, timeout: float, patience: float) -> wire.Errand:
    """Return what to send the probe with: each target by name with its address and port."""
    targets = tuple(
        wire.Target(name, *place, wire.Protocol.DNS if name == DNS_UDP else wire.Protocol.TCP, _expected(name, node))
        for name, place in addresses.items()
    )
    return wire.Errand(wire.VERSION, targets, timeout, patience)


def _expected(name: str, node: NodeRule) -> bool | None:
    if name == NODE and node is NodeRule.REPORT:
        return None
    return name == STORE
