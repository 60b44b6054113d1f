"""`fumehood replay`: a job once more, in the environment that it had, and a table of what came out the same."""

from __future__ import annotations

import asyncio
import sys

from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from ..api.v1alpha1 import AnalysisJob, Phase
from ..core.reading import first_error
from ..errors import FumehoodError
from ..kube import KubeClient, job_path
from ..ports import Cluster, Json

INTERVAL = 0.5
REPRODUCED, DIFFERENT, FAILED = 0, 1, 2
_NOT_REPEATED = ("cache", "cancel", "replayOf", "ttlSecondsAfterFinished")
_SHORT = 40  # Kubernetes cuts the name that it completes at 58 characters


async def replay(namespace: str, name: str, wait: bool, patience: float) -> int:
    """Repeat the job and say what came of it; return the exit code."""
    cluster: KubeClient | None = None
    try:
        cluster = await KubeClient.connect()
        return await run(cluster, namespace, name, wait, patience)
    except (FumehoodError, ValueError) as error:
        print(f"fumehood: {error}", file=sys.stderr)
        return FAILED
    finally:
        if cluster is not None:
            await cluster.close()


async def run(cluster: Cluster, namespace: str, name: str, wait: bool, patience: float) -> int:
    """Repeat the job on `cluster`; return the exit code.

    Raises:
        FumehoodError: the API server refuses or does not answer.
        ValueError: there is nothing that could be repeated.
    """
    original = await cluster.get(job_path(namespace, name))
    created = await cluster.create(job_path(namespace, "").rstrip("/"), manifest(original))
    repeated = created["metadata"]["name"]
    environment = created["spec"]["environment"]
    print(f"created {namespace}/{repeated} in environment {environment}", file=sys.stderr, flush=True)
    if not wait:
        print(repeated)
        return REPRODUCED
    return verdict(_read(original), await _wait(cluster, namespace, repeated, patience), patience)


def manifest(document: Json) -> Json:
    """Return the job that repeats `document`: the same spec, in the version of the environment that it ran in.

    Raises:
        ValueError: it is not over, or never ran.
    """
    original = _read(document)
    meta, status = original.metadata, original.status
    if not status.final:
        raise ValueError(f"{meta.namespace}/{meta.name} is not over yet (phase {status.phase or 'unknown'})")
    if status.result is None or status.env_version is None:
        raise ValueError(f"{meta.namespace}/{meta.name} ({status.phase}) has left no result to compare with")
    spec = {field: value for field, value in document["spec"].items() if field not in _NOT_REPEATED}
    family = original.spec.environment.partition("@")[0]
    version = status.env_version.rpartition("-")[2]
    return {
        "apiVersion": document["apiVersion"],
        "kind": document["kind"],
        "metadata": {"generateName": f"{meta.name[:_SHORT].rstrip('.-')}-replay-", "namespace": meta.namespace},
        "spec": spec | {"environment": f"{family}@{version}", "cache": "Off", "replayOf": meta.name},
    }


def verdict(original: AnalysisJob, repeated: AnalysisJob, patience: float) -> int:
    """Say what came of the replay; return the exit code."""
    status, found = repeated.status, repeated.status.replay
    if not status.final:
        print(f"not over after {patience:.0f} s: see kubectl get analysisjob {repeated.metadata.name}", file=sys.stderr)
        return FAILED
    if status.failure:
        print(f"{status.failure.category}/{status.failure.reason}: {status.failure.message}", file=sys.stderr)
    if found is None:
        return FAILED
    table = Table(Column("artifact", overflow="fold"), "verdict", "how", box=None)
    for one in found.artifacts:
        table.add_row(Text(one.name), one.verdict, Text(one.reason))
    Console(width=None if sys.stdout.isatty() else 160).print(table)
    for reason in found.reasons:
        print(f"- {reason}")
    total = found.same + found.different
    print("reproduced:" if found.reproduced else "NOT reproduced:", f"{found.same} of {total} artifacts of {found.job} are the same")
    if found.reproduced:
        return REPRODUCED
    return DIFFERENT if status.phase in (Phase.SUCCEEDED, original.status.phase) else FAILED


def _read(document: Json) -> AnalysisJob:
    try:
        return AnalysisJob.model_validate(document)
    except ValidationError as error:
        raise ValueError(f"{document['metadata']['name']} is not readable: {first_error(error)}") from None


async def _wait(cluster: Cluster, namespace: str, name: str, patience: float) -> AnalysisJob:
    """Return the job when it is over, or as it is when the time is."""
    end = asyncio.get_running_loop().time() + patience
    while True:
        job = _read(await cluster.get(job_path(namespace, name)))
        if job.status.final or asyncio.get_running_loop().time() >= end:
            return job
        await asyncio.sleep(INTERVAL)
