"""Runs one probe in a namespace, and removes it: the Pod of `probepod`, from its creation to its report."""

from __future__ import annotations

import asyncio

from fumehood_sandbox import wire

from ...core import names, sanitise
from ...errors import AlreadyExists, Forbidden, Invalid
from ...kube import core_path
from ...ports import Cluster, Json
from ...settings import PodSettings
from . import probepod
from .probepod import Report

DEADLINE = 180  # seconds of the whole Pod: it may have to wait for its image
POLL = 0.5


async def send(cluster: Cluster, namespace: str, errand: wire.Errand, pods: PodSettings, policy: Json) -> Report:
    """Return what a probe saw in `namespace`, or why it saw nothing; the Pod goes with `policy`, its owner.

    Raises:
        FumehoodError: the API server does not answer, or somebody removed the Pod.
    """
    path = core_path(namespace, "pods", names.PROBE)
    owner = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "name": names.NETWORK_POLICY, "uid": policy["metadata"]["uid"]}
    try:
        made = await cluster.create(core_path(namespace, "pods"), probepod.probe_pod(namespace, errand, pods, DEADLINE, owner))
    except AlreadyExists:
        await cluster.delete(path, grace=1)
        return Report(trouble="an earlier one was still there")
    except (Forbidden, Invalid) as error:
        return Report(trouble=f"the API server refuses its Pod: {sanitise.text(str(error), 300)}")
    uid = made["metadata"]["uid"]
    try:
        return await _end(cluster, path, uid)
    finally:
        await cluster.delete(path, uid, grace=1)


async def _end(cluster: Cluster, path: str, uid: str) -> Report:
    loop = asyncio.get_running_loop()
    end = loop.time() + DEADLINE
    while loop.time() < end:
        await asyncio.sleep(POLL)
        pod = await cluster.get(path)
        if pod["metadata"]["uid"] != uid:
            return Report(trouble="somebody put another Pod into its place")
        if found := probepod.report(pod):
            return found
    return Report(trouble=f"its Pod did not end within {DEADLINE} s")
