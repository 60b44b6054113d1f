"""`fumehood download`: from a job's status to files on disk, trusting nothing but digests."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from fumehood_sandbox import wire

from ..api.v1alpha1 import AnalysisJob
from ..core import origin
from ..core.manifest import digest, verify
from ..core.quantities import format_bytes
from ..errors import FumehoodError
from ..kube import KubeClient, job_path
from ..storage.s3 import S3Store
from . import stores

MAX_OBJECT = 5 << 30


async def download(namespace: str, name: str, output: Path) -> int:
    """Fetch everything that the job's manifest lists; return the exit code."""
    try:
        store = stores.from_environment()
        job = await _job(namespace, name)
        manifest = await _manifest(store, job)
        await _files(store, manifest, output / name)
    except (FumehoodError, ValueError, KeyError) as error:
        print(f"fumehood: {error}", file=sys.stderr)
        return 1
    return 0


async def _job(namespace: str, name: str) -> AnalysisJob:
    cluster = await KubeClient.connect()
    try:
        return AnalysisJob.model_validate(await cluster.get(job_path(namespace, name)))
    except ValidationError as error:
        raise ValueError(f"{namespace}/{name} is not readable: {error.errors()[0]['msg']}") from None
    finally:
        await cluster.close()


async def _manifest(store: S3Store, job: AnalysisJob) -> wire.Manifest:
    result = job.status.result
    if result is None:
        raise ValueError(f"{job.metadata.name} has no result (phase {job.status.phase or 'unknown'})")
    subject = origin.subject(job)
    raw = await store.read(_key(result.manifest.uri), wire.MAX_MANIFEST)
    return verify(raw, wire.Seal(wire.VERSION, subject.uid, subject.attempt, result.manifest.digest), subject)


async def _files(store: S3Store, manifest: wire.Manifest, folder: Path) -> None:
    table = Table(Column("file", overflow="fold"), "kind", "format", "size", "digest", box=None)
    for item in _items(manifest):
        raw = await store.read(item.key, MAX_OBJECT)
        if digest(raw) != item.digest:
            raise ValueError(f"{item.name}: the object's bytes do not have the digest that the manifest gives")
        target = _below(folder, item.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
        table.add_row(Text(str(folder / item.name)), item.kind, item.format, format_bytes(item.size), item.digest[:19] + "…")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _items(manifest: wire.Manifest) -> list[wire.Artifact]:
    """Return everything to fetch; a stream that printed something counts as a file below logs/."""
    logs = (("logs/stdout.log", manifest.stdout), ("logs/stderr.log", manifest.stderr))
    printed = [wire.Artifact(name, "log", "text", "text/plain", log.digest, log.size, log.key) for name, log in logs if log and log.size]
    return [*manifest.artifacts, *printed]


def _below(folder: Path, name: str) -> Path:
    """Return where an artifact goes; its name is a job's choice and must not lead elsewhere."""
    target = (folder / name).resolve()
    if not target.is_relative_to(folder.resolve()):
        raise ValueError(f"{name!r} leads out of {folder}")
    return target


def _key(uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[2]
