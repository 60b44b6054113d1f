"""The live proof: no job runs in a namespace until a probe found its network shut.

A proof is made in the background, one at a time for a namespace. What it found is
kept in memory and, for the next operator, as an annotation of our own NetworkPolicy.
A namespace whose proof is fresh costs a job nothing: no request, no waiting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from fumehood_sandbox import wire

from ...core import egress, isolation, names, sanitise
from ...core.events import event
from ...core.isolation import NotIsolated, Proof, Standing, Verdict
from ...errors import FumehoodError
from ...kube import events_path, policy_path
from ...ports import Clock, Cluster, Json
from ...settings import NetworkSettings, PodSettings
from . import network, probepod
from .probe import send
from .surroundings import KUBELET_PORT, Places

PROVED_AT = "fumehood.dev/network-proof"
TIMEOUT = 2.0  # of one round
PATIENCE = 30.0  # how late policies may come into force
AT_ONCE = 4  # proofs
ASK_AGAIN = 10.0  # for who waits for a proof and is not told
_log = logging.getLogger(__name__)

Control = Callable[[wire.Errand], Awaitable[frozenset[str]]]
Told = Callable[[str, Verdict], None]


class Around(Protocol):
    """Where the addresses to try come from; see `surroundings.Surroundings`."""

    async def places(self) -> Places:
        """Return them by name."""


@dataclass
class _Ground:
    """What is known of one namespace. `policies`: digests by name; None until they were listed."""

    policies: dict[str, str] | None = None
    changes: int = 0
    proof: Proof | None = None
    last: Verdict | None = None
    failures: int = 0
    not_before: datetime | None = None
    proving: asyncio.Task[None] | None = field(default=None, repr=False)


class Prover:
    """Holds jobs back until the network of their namespace is proved shut. `told` hears of every verdict."""

    def __init__(
        self,
        cluster: Cluster,
        pods: PodSettings,
        settings: NetworkSettings,
        around: Around,
        control: Control,
        clock: Clock,
        key: bytes,
        told: Told,
    ) -> None:
        self._cluster = cluster
        self._pods = pods
        self._settings = settings
        self._around = around
        self._control = control
        self._clock = clock
        self._key = key
        self._told = told
        self._interval = timedelta(seconds=settings.proof.interval)
        self._grounds: dict[str, _Ground] = {}
        self._few = asyncio.Semaphore(AT_ONCE)

    async def require(self, namespace: str) -> None:
        """Return if jobs may run in this namespace.

        Raises:
            NotIsolated: not now; `told` will hear when that changes.
        """
        ground = self._grounds.setdefault(namespace, _Ground())
        if ground.policies is None:
            own = await self._load(namespace, ground)
            if own is not None:  # only here: a change that was seen is proved anew, even if it was taken back
                ground.proof = isolation.unsealed((own["metadata"].get("annotations") or {}).get(PROVED_AT, ""), namespace, self._key)
        standing = isolation.standing(ground.proof, isolation.fingerprint(ground.policies or {}), self._clock(), self._interval)
        if standing is not Standing.FRESH:
            delay = self._begin(namespace, ground)
            if standing is Standing.VOID:
                known = ground.last if ground.last and not ground.last.fit else isolation.PROVING
                raise NotIsolated(known, delay)

    async def close(self) -> None:
        """Stop what is under way, and remove its probes."""
        under_way = [ground.proving for ground in self._grounds.values() if ground.proving]
        for proof in under_way:
            proof.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def policy_seen(self, change: Json) -> None:
        """Take note of what a watch tells of a NetworkPolicy: a change makes every earlier proof void."""
        document = change["object"]
        namespace, name = document["metadata"]["namespace"], document["metadata"]["name"]
        ground = self._grounds.get(namespace)
        if ground is None:
            return
        if ground.policies is None:
            ground.changes += 1  # a list that is under way may be older than this
            return
        now = {} if change["type"] == "DELETED" else self._digests(namespace, [document])
        if ground.policies.get(name) == now.get(name):
            return
        ground.policies.pop(name, None)
        ground.policies |= now
        self._void(namespace, ground)
        if name == names.NETWORK_POLICY and not now and (ground.proving is None or ground.proving.done()):
            del self._grounds[namespace]  # the namespace may be gone; if not, its next job begins anew

    def policy_made(self, namespace: str) -> None:
        """Take note that our own policy was not as it has to be, and was made anew."""
        if ground := self._grounds.get(namespace):
            ground.policies = None
            self._void(namespace, ground)

    def _void(self, namespace: str, ground: _Ground) -> None:
        ground.changes += 1
        ground.proof = ground.last = None
        ground.failures, ground.not_before = 0, None
        self._told(namespace, isolation.PROVING)

    async def _load(self, namespace: str, ground: _Ground) -> Json | None:
        """Read the namespace's policies; return our own."""
        while True:
            changes = ground.changes
            found = (await self._cluster.get(policy_path(namespace))).get("items") or []
            if changes == ground.changes:
                break
        ground.policies = self._digests(namespace, found)
        return next((item for item in found if item["metadata"]["name"] == names.NETWORK_POLICY), None)

    def _digests(self, namespace: str, policies: list[Json]) -> dict[str, str]:
        """Return digests by name; our profiles' policies, as long as they are as we make them, are no news."""
        found = {item["metadata"]["name"]: isolation.digest(item) for item in policies}
        return {name: digest for name, digest in found.items() if digest != self._digest_of_profile(namespace, name)}

    def _digest_of_profile(self, namespace: str, policy: str) -> str | None:
        profile = policy.removeprefix(names.EGRESS_POLICY)
        if profile == policy or profile not in self._settings.profiles:
            return None
        return isolation.digest(network.egress_policy(namespace, egress.granted(profile, self._settings)))

    # --- proving ---

    def _begin(self, namespace: str, ground: _Ground) -> float:
        """See that a proof is under way, unless it is too early for another; return when to ask again."""
        if ground.proving is None or ground.proving.done():
            early = ground.not_before - self._clock() if ground.not_before else timedelta(0)
            if timedelta(0) < early <= isolation.LONGEST_RETRY:  # a clock may have been set back
                return early.total_seconds()
            ground.proving = asyncio.get_running_loop().create_task(self._prove(namespace, ground))
        return ASK_AGAIN

    async def _prove(self, namespace: str, ground: _Ground) -> None:
        changes = ground.changes
        try:
            async with self._few:
                changes = ground.changes
                verdict = await self._attempt(namespace, ground)
        except FumehoodError as error:
            verdict = isolation.failed(sanitise.text(str(error), 300))
        except Exception as error:  # a fault of ours holds jobs back; it does not let them run
            _log.exception("%s: the proof of its network failed", namespace)
            verdict = isolation.failed(type(error).__name__)
        if ground.changes != changes:
            self._told(namespace, isolation.PROVING)  # it speaks of policies that are others by now
            return
        ground.last = verdict
        ground.failures = 0 if verdict.fit else ground.failures + 1
        delay = isolation.retry_after(ground.failures) if ground.failures else timedelta(0)
        ground.not_before = self._clock() + delay
        self._told(namespace, verdict)

    async def _attempt(self, namespace: str, ground: _Ground) -> Verdict:
        changes, at = ground.changes, self._clock()
        own = await self._load(namespace, ground)
        if own is None:
            return isolation.failed("the NetworkPolicy of job Pods is not there")
        places = await self._around.places()
        node = self._settings.proof.node
        errand = isolation.errand(places | {isolation.NODE: (probepod.OWN_NODE, KUBELET_PORT)}, node, TIMEOUT, PATIENCE)
        sent, asked = send(self._cluster, namespace, errand, self._pods, own), self._control(isolation.errand(places, node, TIMEOUT, 0.0))
        report, control = await asyncio.gather(sent, asked)
        if report.sighting is None:
            return isolation.failed(report.trouble)
        control |= await self._control(isolation.errand({isolation.NODE: (report.node, KUBELET_PORT)}, node, TIMEOUT, 0.0))
        verdict = isolation.judge(report.sighting.reached, control, node)
        _log.info("%s: %s after %s s: %s", namespace, verdict.outcome, report.sighting.seconds, _described(verdict, places, control))
        if verdict.fit is False and verdict != ground.last:
            await self._warn(own, verdict)
        if verdict.fit is not None and changes == ground.changes:
            ground.proof = Proof(verdict, at, isolation.fingerprint(ground.policies or {}))
            await self._keep(namespace, ground.proof, own)
        return verdict

    async def _keep(self, namespace: str, proof: Proof, policy: Json) -> None:
        """Write a proof down for the operator after this one; without it, that one makes its own."""
        metadata, kind = policy["metadata"], {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy"}  # a list's items do not say it
        annotations = (metadata.get("annotations") or {}) | {PROVED_AT: isolation.sealed(proof, namespace, self._key)}
        try:
            await self._cluster.replace(
                policy_path(namespace, names.NETWORK_POLICY), policy | kind | {"metadata": metadata | {"annotations": annotations}}
            )
        except FumehoodError as error:
            _log.info("%s: the proof of its network is kept in memory alone: %s", namespace, error)

    async def _warn(self, policy: Json, verdict: Verdict) -> None:
        """Post an Event on our policy, where people look who wonder why nothing runs."""
        now, metadata = self._clock(), policy["metadata"]
        regarding = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata}
        name = f"{names.NETWORK_POLICY}.{now.timestamp():.0f}"
        told = event(name, regarding, "Warning", "ProveNetwork", verdict.outcome, verdict.message, now)
        try:
            await self._cluster.create(events_path(metadata["namespace"]), told)
        except FumehoodError as error:
            _log.warning("%s: no Event of its network: %s", metadata["namespace"], error)


def _described(verdict: Verdict, places: Mapping[str, tuple[str, int]], control: frozenset[str]) -> str:
    """Return what a proof found, for the log: the administrators may see addresses."""

    def shown(chosen: Iterable[str]) -> str:
        found = ((name, *places.get(name, ("its own", KUBELET_PORT))) for name in chosen)
        return ", ".join(f"{name} ({address}:{port})" for name, address, port in found) or "nothing"

    unproved = [name for name in places if name not in control]
    return f"reached {shown(verdict.reached)}; kept from {shown(verdict.proved)}; not there for the operator either: {shown(unproved)}"
