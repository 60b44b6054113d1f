"""kopf's wiring: events of jobs and Pods become keys to work on. Nothing is decided here.

Only event handlers are used: kopf's change handlers, timers and daemons each write
annotations or finalizers, which would be half of a job's API writes.
"""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import kopf

from .api.v1alpha1 import FINAL_PHASES, GROUP, VERSION
from .core import names
from .executors.kubernetes.observe import facts, owner_name
from .executors.kubernetes.prover import Prover
from .reconcile import Reconciler
from .settings import Settings
from .stateless import NoDiffBase, NoProgress
from .workqueue import WorkQueue


def register(registry: kopf.OperatorRegistry, reconciler: Reconciler, queue: WorkQueue, prover: Prover | None) -> None:
    """Add our handlers to `registry`; NetworkPolicies are watched if there is somebody to judge them."""

    @kopf.on.login(registry=registry)
    def login(**kwargs: Any) -> kopf.ConnectionInfo | None:
        return _login(**kwargs)

    @kopf.on.event(GROUP, VERSION, "analysisjobs", registry=registry)
    async def job_seen(*, event: Any, **_: Any) -> None:
        see_job(reconciler, queue, event)

    @kopf.on.event("v1", "pods", labels={names.JOB_UID: kopf.PRESENT}, registry=registry)
    async def pod_seen(*, event: Any, **_: Any) -> None:
        see_pod(reconciler, queue, event)

    @kopf.on.event(GROUP, VERSION, "analysisenvironments", registry=registry)
    async def environment_seen(*, event: Any, **_: Any) -> None:
        reconciler.environments.see(event["type"], event["object"])

    if prover is not None:

        @kopf.on.event("networking.k8s.io", "v1", "networkpolicies", registry=registry)
        async def policy_seen(*, event: Any, **_: Any) -> None:
            prover.policy_seen(event)


def see_job(reconciler: Reconciler, queue: WorkQueue, event: dict[str, Any]) -> None:
    """Take note of a job; one that is final and leaves nothing to do costs nothing more."""
    document = event["object"]
    metadata = document["metadata"]
    uid = metadata["uid"]
    key = (metadata["namespace"], metadata["name"])
    final = (document.get("status") or {}).get("phase") in FINAL_PHASES
    if final or event["type"] == "DELETED":
        reconciler.over(key)
    if event["type"] == "DELETED":
        reconciler.readings.changed(key, None)
        if uid in reconciler.sandboxes:
            queue.add(key)  # its sandbox is still there, and goes at once: nobody waits for a harvest
        else:
            reconciler.forget(uid)
        return
    if reconciler.written.get(uid) == metadata["resourceVersion"]:  # our own write coming back
        if final:
            del reconciler.written[uid]
        return
    if final and uid not in reconciler.sandboxes and (document.get("spec") or {}).get("ttlSecondsAfterFinished") is None:
        reconciler.written.pop(uid, None)
        return
    if reconciler.readings.changed(key, metadata["resourceVersion"]):
        queue.add(key)


def see_pod(reconciler: Reconciler, queue: WorkQueue, event: dict[str, Any]) -> None:
    """Take note of a job's Pod, if that changes what is known of it."""
    document = event["object"]
    seen, owner = facts(document), owner_name(document)
    if seen is None or owner is None:
        return
    if event["type"] == "DELETED":
        if reconciler.sandboxes.gone(seen.uid) or seen.job_uid not in reconciler.sandboxes:
            return
        seen = dataclasses.replace(seen, ended=True, deleting=True)
    key = (document["metadata"]["namespace"], owner)
    if reconciler.sandboxes.put(key, seen):
        queue.add(key)


def kopf_settings(settings: Settings) -> kopf.OperatorSettings:
    """Return kopf's settings: every wait has an end, and only our Pods are watched."""
    result = kopf.OperatorSettings()
    result.persistence.finalizer = f"{GROUP}/kopf"
    result.persistence.diffbase_storage = NoDiffBase()
    result.persistence.progress_storage = NoProgress()
    result.watching.server_timeout = 300
    result.watching.client_timeout = 310
    result.watching.connect_timeout = 10
    result.watching.chunk_size = 500
    result.watching.label_selectors["v1", "pods"] = names.JOB_UID
    result.networking.request_timeout = 30
    result.networking.connect_timeout = 5
    result.networking.enforce_retry_after = True
    result.posting.enabled = False
    result.process.ultimate_exiting_timeout = 20
    return result


def _login(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Use the service account, by the address in the environment (no DNS is needed), else the kubeconfig."""
    info = kopf.login_with_service_account(**kwargs)
    if info is None:
        return kopf.login_with_kubeconfig(**kwargs)
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return dataclasses.replace(info, server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")
