"""`fumehood check`: one tiny job through the whole of Fumehood; `helm test` runs it in the cluster."""

from __future__ import annotations

import asyncio
import sys

from ..api.v1alpha1 import GROUP, VERSION, AnalysisJob, Phase
from ..errors import FumehoodError
from ..kube import KubeClient, job_path
from ..ports import Cluster, Json

INTERVAL = 0.5
# Both a shell script and a Python program, since the environment's adapter is not known here:
# the shell ends at `exit`, and for Python all until there is a string.
PROGRAM = """''':'
echo 42 > /outputs/answer.txt
exit 0
'''
with open("/outputs/answer.txt", "w") as answer:
    answer.write("42\\n")
"""


async def check(namespace: str, environment: str, patience: float) -> int:
    """Run the job and remove it; return the exit code."""
    cluster: KubeClient | None = None
    try:
        cluster = await KubeClient.connect()
        return await run(cluster, namespace, environment, patience)
    except FumehoodError as error:
        print(f"fumehood: {error}", file=sys.stderr)
        return 1
    finally:
        if cluster is not None:
            await cluster.close()


async def run(cluster: Cluster, namespace: str, environment: str, patience: float) -> int:
    """Run the job on `cluster`; return the exit code.

    Raises:
        FumehoodError: the API server refuses or does not answer.
    """
    created = await cluster.create(job_path(namespace, "").rstrip("/"), manifest(namespace, environment))
    name, uid = created["metadata"]["name"], created["metadata"]["uid"]
    print(f"created {namespace}/{name} in environment {environment}", flush=True)
    try:
        return verdict(await _wait(cluster, namespace, name, patience), patience)
    finally:
        await cluster.delete(job_path(namespace, name), uid)


def manifest(namespace: str, environment: str) -> Json:
    """Return the job: it writes one file. Should nobody be left to delete it, its time to live does."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "AnalysisJob",
        "metadata": {"generateName": "fumehood-check-", "namespace": namespace},
        "spec": {
            "schemaVersion": "1.0",
            "environment": environment,
            "source": {"entrypoint": "main", "files": {"main": PROGRAM}},
            "outputs": [{"path": "answer.txt", "kind": "export"}],
            "limits": {"wallClock": "30s", "memory": "128Mi", "disk": "16Mi"},
            "ttlSecondsAfterFinished": 600,
        },
    }


def verdict(job: AnalysisJob, patience: float) -> int:
    """Say what came of the job; return the exit code."""
    status = job.status
    count = status.result.artifact_count if status.result else 0
    total = status.durations.total if status.durations else "?"
    print(f"phase {status.phase or 'none'}, {count} artifacts, {total or '?'}")
    if status.failure:
        print(f"{status.failure.category}/{status.failure.reason}: {status.failure.message}", file=sys.stderr)
    elif status.phase is None:
        print(f"no operator took note of the job in {patience:.0f} s: does it run, and serve this namespace?", file=sys.stderr)
    elif not status.phase.final:
        print(f"not over after {patience:.0f} s: see the Pods of this namespace and the operator's log", file=sys.stderr)
    return 0 if status.phase is Phase.SUCCEEDED and count == 1 else 1


async def _wait(cluster: Cluster, namespace: str, name: str, patience: float) -> AnalysisJob:
    """Return the job when it is over, or as it is when the time is."""
    end = asyncio.get_running_loop().time() + patience
    while True:
        job = AnalysisJob.model_validate(await cluster.get(job_path(namespace, name)))
        if (job.status.phase and job.status.phase.final) or asyncio.get_running_loop().time() >= end:
            return job
        await asyncio.sleep(INTERVAL)
