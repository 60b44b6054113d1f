"""A whole operator against a cluster in memory: what users and the kubelet do is said step by step."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from fumehood.adapters.python import ADAPTER
from fumehood.core import isolation, names
from fumehood.errors import FumehoodError
from fumehood.executors.kubernetes.executor import KubernetesExecutor
from fumehood.executors.kubernetes.prover import Prover
from fumehood.handlers import see_job, see_pod
from fumehood.kube import environment_path, job_path
from fumehood.metrics import Metrics
from fumehood.reconcile import Reconciler
from fumehood.settings import Settings
from fumehood.workqueue import Key
from fumehood_sandbox import wire

from .builders import UID, claim, environment_document, job_document, manifest, seal_of, settings
from .fakes import Crash, FakeClock, FakeCluster, FakeStore

Json = dict[str, Any]
KEY: Key = ("lab", "co2-trend")
JOB = job_path(*KEY)
PODS = "/api/v1/namespaces/lab/pods"
PROBE = f"{PODS}/{names.PROBE}"


class Operator:
    """One process of the operator: a reconciler, its executor, and the keys that wait."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.keys: list[Key] = []
        self.errors: list[Exception] = []
        self.delay: float | None = None
        self.alive = True
        options: Settings = world.settings
        self.prover = Prover(
            world.cluster,
            options.pods,
            options.network,
            world,
            world.control,
            world.clock,
            b"key",
            lambda *told: self.reconciler.network_told(*told),
        )
        prover = self.prover if options.network.proof.enabled else None
        executor = KubernetesExecutor(world.cluster, options.pods, options.egress, lambda: ("192.0.2.10",), 9000, world.clock, prover)
        self.reconciler = Reconciler(options, world.cluster, executor, world.store, {"python": ADAPTER}, world.clock, Metrics(), self.add)
        for plural in ("analysisenvironments", "analysisjobs", "pods", "networkpolicies"):  # a watch begins with what is there
            for document in world.cluster.of(plural):
                self.hear({"type": "ADDED", "object": document})
        world.cluster.listeners.append(self.hear)

    def add(self, key: Key) -> None:
        if key not in self.keys:
            self.keys.append(key)

    def hear(self, event: Json) -> None:
        kind = event["object"].get("kind", "")
        see = {"AnalysisJob": see_job, "Pod": see_pod}.get(kind)
        if kind == "NetworkPolicy" and self.alive:
            self.prover.policy_seen(event)
        if kind == "AnalysisEnvironment" and self.alive:
            self.reconciler.environments.see(event["type"], event["object"])
        if see and self.alive:
            see(self.reconciler, self, event)  # type: ignore[arg-type]

    async def settle(self) -> None:
        """Work until nothing is to be done; what fails is tried again, but not for ever."""
        for _ in range(20):
            if not self.keys:
                return
            key = self.keys.pop(0)
            try:
                self.delay = await self.reconciler.reconcile(key)
            except FumehoodError as error:
                self.errors.append(error)
                self.add(key)

    async def look_again(self) -> None:
        """Do what a timer does."""
        self.add(KEY)
        await self.world.settle()

    def die(self) -> None:
        self.alive = False
        self.world.cluster.listeners.remove(self.hear)


@dataclass
class Network:
    """What there is in the network, what of it a job's Pod reaches, and what becomes of the probe's Pod if not a report."""

    there: frozenset[str] = frozenset(isolation.MEANING)
    open: frozenset[str] = frozenset({isolation.STORE})
    status: Json | None = None

    def probe_status(self) -> Json:
        """Return the status of the probe's Pod."""
        if self.status is not None:
            return self.status
        said = wire.encode(wire.Sighting(wire.VERSION, tuple(sorted(self.open)), 1, 0.1)).decode()
        ended = {"name": wire.PROBE, "state": {"terminated": {"exitCode": 0, "message": said}}}
        return {"phase": "Succeeded", "hostIP": "192.0.2.7", "containerStatuses": [ended]}


class World:
    """The cluster, the store, the clock, and the operator if it lives."""

    def __init__(self, **options: Any) -> None:
        self.settings = settings(**options)
        self.cluster, self.store, self.clock = FakeCluster(), FakeStore(), FakeClock()
        self.network = Network()
        self.probes: list[Json] = []  # every one that there ever was
        self.cluster.seed(environment_path("python"), environment_document())
        self.cluster.seed("/api/v1/nodes/node", {"metadata": {"name": "node"}, "status": {"runtimeHandlers": []}})
        self.operator = Operator(self)

    # --- the network ---

    async def places(self) -> dict[str, tuple[str, int]]:
        """Implements `prover.Around`."""
        return dict.fromkeys(isolation.MEANING.keys() - {isolation.NODE}, ("192.0.2.1", 1))

    async def control(self, errand: wire.Errand) -> frozenset[str]:
        """What the operator itself reaches."""
        return frozenset(target.name for target in errand.targets) & self.network.there

    async def proved(self) -> None:
        """Wait for every proof that is under way, playing the kubelet; then let the operator go on."""
        while proofs := [task for task in asyncio.all_tasks() if "Prover._prove" in str(task.get_coro())]:
            if PROBE in self.cluster.objects and "status" not in self.cluster.objects[PROBE]:
                self.probes.append(self.cluster.objects[PROBE])
                self.cluster.change(PROBE, {"status": self.network.probe_status()})
            await asyncio.wait(proofs, timeout=0)
        await self.settle()

    # --- users ---

    async def submit(self, name: str = "co2-trend", uid: str = UID, **spec: Any) -> None:
        document = job_document(metadata={"name": name, "uid": uid}, **spec)
        self.cluster.seed(job_path("lab", name), document)
        await self.settle()

    async def cancel(self) -> None:
        self.cluster.change(JOB, {"spec": {"cancel": True}})
        await self.settle()

    @property
    def job(self) -> Json:
        return self.cluster.objects[JOB]

    @property
    def status(self) -> Json:
        return dict(self.job.get("status") or {})

    @property
    def reason(self) -> str:
        return str(self.status["failure"]["reason"])

    # --- the kubelet ---

    @property
    def pods(self) -> list[Json]:
        return self.cluster.of("pods")

    async def pod_runs(self) -> None:
        running = {"startedAt": "2026-11-01T12:00:00Z"}
        containers = [{"name": name, "state": {"running": running}} for name in (wire.COLLECTOR, wire.ANALYSIS)]
        await self._pod(phase="Running", startTime="2026-11-01T12:00:00Z", containerStatuses=containers)

    async def collector_seals(self, document: wire.Manifest | None = None, *, store: bool = True, **seal: Any) -> None:
        raw, sealed = seal_of(document or manifest(), **seal)
        if store:
            self.store.objects[f"lab/{UID}/1/manifest.json"] = raw
        ended = {"exitCode": 0, "reason": "Completed", "message": wire.encode(sealed).decode(), "finishedAt": "2026-11-01T12:00:01Z"}
        analysis = {"exitCode": 0, "reason": "Completed", "finishedAt": "2026-11-01T12:00:01Z"}
        containers = [
            {"name": wire.COLLECTOR, "state": {"terminated": ended}},
            {"name": wire.ANALYSIS, "state": {"terminated": analysis}},
        ]
        await self._pod(containerStatuses=containers)

    async def pod_ends(self, phase: str = "Succeeded", **status: Any) -> None:
        await self._pod(phase=phase, **status)

    async def pod_vanishes(self) -> None:
        for path in [path for path in self.cluster.objects if path.startswith(PODS)]:
            self.cluster.remove(path)
        await self.settle()

    async def runs_well(self, document: wire.Manifest | None = None) -> None:
        """Go the whole way of a Pod, whatever became of the operator meanwhile."""
        for step in (self.pod_runs, lambda: self.collector_seals(document), self.pod_ends):
            if self.pods:
                await step()

    async def _pod(self, **status: Any) -> None:
        for pod in self.pods:
            self.cluster.change(f"{PODS}/{pod['metadata']['name']}", {"status": status})
        await self.settle()

    # --- the operator ---

    async def settle(self) -> None:
        try:
            await self.operator.settle()
        except Crash:
            await self.restart()

    async def restart(self) -> None:
        """The process is gone; another comes up and knows nothing."""
        self.operator.die()
        self.operator = Operator(self)
        await self.settle()


def cancelled_manifest() -> wire.Manifest:
    """Return what a program leaves that was told to stop."""
    return manifest(complete=False, claim=claim(ending=wire.Ending.TERMINATED, exit_code=None))
