"""The operator as a process: build the parts once, then run kopf and the work queue until one ends."""

from __future__ import annotations

import asyncio
import hmac
import logging
import signal
from collections.abc import Callable

import kopf

from .core import egress
from .core.isolation import Verdict
from .executors.kubernetes.executor import KubernetesExecutor
from .executors.kubernetes.prover import Prover
from .executors.kubernetes.surroundings import Surroundings, control
from .handlers import kopf_settings, register
from .kube import KubeClient
from .metrics import Metrics
from .reconcile import Reconciler
from .registry import load_adapters
from .settings import Settings
from .storage.s3 import S3Store, utc_now
from .workqueue import WorkQueue

WORKERS = 16
_log = logging.getLogger(__name__)


async def serve(settings: Settings) -> None:
    """Run until SIGTERM.

    Raises:
        SettingsError: the operator cannot start like this.
    """
    adapters = load_adapters(settings.adapters)
    store = S3Store(settings.store, utc_now)
    await store.check()
    metrics = Metrics()
    cluster = await KubeClient.connect()
    try:
        around = Surroundings(cluster, store.addresses, settings.store.port, settings.liveness_port, settings.network.proof.dns)
        if settings.network.profiles:
            egress.check(settings.network, await around.guarded())
        prover = _prover(settings, cluster, around, lambda namespace, verdict: reconciler.network_told(namespace, verdict))
        executor = KubernetesExecutor(cluster, settings.pods, settings.egress, store.addresses, settings.store.port, utc_now, prover)
        queue = WorkQueue(lambda key: reconciler.reconcile(key), WORKERS)
        reconciler = Reconciler(settings, cluster, executor, store, adapters, utc_now, metrics, queue.add)
        metrics.watch(lambda: reconciler.admission.active, lambda: reconciler.admission.waiting)
        metrics.serve(settings.metrics_port)
        try:
            await _run(settings, reconciler, queue, prover)
        finally:
            if prover:
                await prover.close()
    finally:
        await cluster.close()


def _prover(settings: Settings, cluster: KubeClient, around: Surroundings, told: Callable[[str, Verdict], None]) -> Prover | None:
    if not settings.network.proof.enabled:
        _log.warning("network.proof.enabled is false: jobs run whether or not the cluster enforces their policies")
        return None
    key = hmac.digest(settings.store.secret_key.get_secret_value().encode(), b"fumehood network proof", "sha256")
    return Prover(cluster, settings.pods, settings.network, around, control, utc_now, key, told)


async def _run(settings: Settings, reconciler: Reconciler, queue: WorkQueue, prover: Prover | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    registry = kopf.OperatorRegistry()
    register(registry, reconciler, queue, prover)
    watching = asyncio.create_task(
        kopf.operator(
            registry=registry,
            settings=kopf_settings(settings),
            identity="fumehood",  # type: ignore[arg-type]  # a NewType of str; the default asks for the name of a user that has none
            standalone=True,
            clusterwide=not settings.namespaces,
            namespaces=settings.namespaces,
            liveness_endpoint=f"http://0.0.0.0:{settings.liveness_port}/healthz",
            stop_flag=stop,
        )
    )
    working = asyncio.create_task(queue.run())
    # Whichever ends first ends the process: an operator without eyes or hands is none.
    done, _ = await asyncio.wait({watching, working}, return_when=asyncio.FIRST_COMPLETED)
    working.cancel()
    stop.set()
    await asyncio.gather(watching, working, return_exceptions=True)
    for task in done:
        if not task.cancelled() and (error := task.exception()):
            raise error
    _log.info("stopped")
