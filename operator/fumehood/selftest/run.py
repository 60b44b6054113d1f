"""Runs cases on a cluster: creates their jobs, waits, reads what came of them, and has it judged.

Needs rights on AnalysisJobs of one namespace, and, to compare levels of isolation,
on AnalysisEnvironments. With a store, logs, manifests and artifacts are read, too;
without one, what the status says is all that is checked.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fumehood_sandbox import wire

from ..api.v1alpha1 import GROUP, VERSION, AnalysisJob
from ..core import manifest as manifests
from ..errors import FumehoodError, Invalid, NotFound, Retryable
from ..kube import environment_path, job_path
from ..ports import ArtifactStore, Cluster, Json
from .cases import Case, Refusal, merged, ordinary
from .judge import Observation, Result, faults
from .levels import CHANGES, Level

INTERVAL = 0.5
PATIENCE = 400.0  # seconds for one job from its creation; the wall clocks of the corpus are far below
_READ = 4 << 20  # bytes of an artifact that are looked at
_READS = 12
_ANY_LEVEL = Level.RUNC  # what is expected where nothing says how a job ran


@dataclass(frozen=True)
class Range:
    """Where attacks are tried: `store` None: its keys are not given; `level` None: as the environment is."""

    cluster: Cluster
    store: ArtifactStore | None
    namespace: str
    environment: str
    level: Level | None = None
    keep: bool = False


@asynccontextmanager
async def at_level(cluster: Cluster, base: str, level: Level) -> AsyncIterator[str]:
    """Make an environment like `base` at one level of isolation; yield its name, and remove it."""
    spec = merged((await cluster.get(environment_path(base)))["spec"], CHANGES[level])
    name = f"selftest-{level}-{secrets.token_hex(4)}"
    path = environment_path(name)
    body = {"apiVersion": f"{GROUP}/{VERSION}", "kind": "AnalysisEnvironment", "metadata": {"name": name}, "spec": spec}
    await cluster.create(path.rpartition("/")[0], body)
    try:
        yield name
    finally:
        await cluster.delete(path)


async def run(place: Range, cases: Sequence[Case], parallel: int, done: Callable[[Result], None]) -> list[Result]:
    """Try all cases, `parallel` at once; `done` hears of each. Returns them in their order."""
    turn = asyncio.Semaphore(parallel)

    async def one(case: Case) -> Result:
        async with turn:
            result = await attempt(place, case)
        done(result)
        return result

    return list(await asyncio.gather(*(one(case) for case in cases)))


async def attempt(place: Range, case: Case) -> Result:
    """Try one case. What goes wrong on the way is a fault of it, not an exception."""
    level = str(place.level or "as is")
    found: list[str] = []
    verdicts: list[str] = []
    try:
        for refusal in case.about.refused:
            found += await _refused(place, refusal)
            verdicts = ["refused"]
        for _ in range(case.about.runs if case.about.expect else 0):
            seen = await _observe(place, case)
            verdicts = [*verdicts, seen.verdict]
            found += _judge(place, case, seen)
    except FumehoodError as error:
        found.append(str(error))
    return Result(case, level, ", ".join(dict.fromkeys(verdicts)) or "cannot exist", tuple(found))


def _judge(place: Range, case: Case, seen: Observation) -> list[str]:
    sandbox = seen.status.sandbox
    expected = case.expected(place.level or _level_of(seen), landlock=bool(sandbox and sandbox.landlock_abi))
    assert expected is not None
    return faults(expected, seen, place.level)


def _level_of(seen: Observation) -> Level:
    sandbox = seen.status.sandbox
    if sandbox is None:
        return _ANY_LEVEL
    return Level.GVISOR if sandbox.runtime_class else Level(sandbox.level)


async def _refused(place: Range, refusal: Refusal) -> list[str]:
    """Offer a manifest that must not be taken. Nothing is created, even if it is."""
    body = _manifest("refused", place.namespace, merged(ordinary(place.environment), refusal.spec))
    try:
        await place.cluster.create(_jobs(place.namespace) + "?dryRun=All", body)
    except Invalid as error:
        return [] if refusal.message in str(error) else [f"{refusal.name}: refused for another reason: {str(error)[:300]}"]
    return [f"{refusal.name}: the API server takes it"]


async def _observe(place: Range, case: Case) -> Observation:
    """Run its job to the end and read everything about it."""
    body = _manifest(case.id.lower(), place.namespace, case.spec(place.environment))
    created = await place.cluster.create(_jobs(place.namespace), body)
    name, uid = created["metadata"]["name"], created["metadata"]["uid"]
    path = job_path(place.namespace, name)
    try:
        job = await _wait(place.cluster, path, case.about.cancel)
        return await _read(place.store, job)
    finally:
        if not place.keep:
            await place.cluster.delete(path, uid)


async def _wait(cluster: Cluster, path: str, cancel: bool) -> AnalysisJob:
    """Return the job when it is over, or as it is when patience is; cancel it once it runs, if told to."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            job = AnalysisJob.model_validate(await cluster.get(path))
            if job.status.final or asyncio.get_running_loop().time() >= end:
                return job
            if cancel and job.status.phase == "Running" and not job.spec.cancel:
                await cluster.patch(path, {"spec": {"cancel": True}})
        except Retryable:
            if asyncio.get_running_loop().time() >= end:
                raise
        await asyncio.sleep(INTERVAL)


async def _read(store: ArtifactStore | None, job: AnalysisJob) -> Observation:
    result = job.status.result
    if store is None or result is None:
        return Observation(job.status)
    meta = job.metadata
    subject = wire.Subject(meta.namespace, meta.name, meta.uid, job.status.attempt or 0)
    raw = await store.read(_key(result.manifest.uri), wire.MAX_MANIFEST)
    try:
        sealed = manifests.verify(raw, wire.Seal(wire.VERSION, meta.uid, subject.attempt, result.manifest.digest), subject)
    except manifests.ManifestError as error:
        raise Invalid(f"the manifest: {error}") from None
    logs = [await _object(store, log.key, log.digest) if log else None for log in (sealed.stdout, sealed.stderr)]
    small = [found for found in sealed.artifacts if found.size <= _READ][:_READS]
    contents = {found.name: await _object(store, found.key, found.digest) for found in small}
    return Observation(job.status, sealed, logs[0], logs[1], contents)


async def _object(store: ArtifactStore, key: str, digest: str) -> bytes:
    try:
        raw = await store.read(key, 64 << 20)
    except NotFound:
        raise Invalid(f"the store lacks an object that the manifest names: {key}") from None
    if f"sha256:{hashlib.sha256(raw).hexdigest()}" != digest:
        raise Invalid(f"an object has other bytes than the manifest says: {key}")
    return raw


def _manifest(name: str, namespace: str, spec: Json) -> Json:
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "AnalysisJob",
        "metadata": {"generateName": f"selftest-{name}-", "namespace": namespace},
        "spec": spec,
    }


def _jobs(namespace: str) -> str:
    return job_path(namespace, "").rstrip("/")


def _key(uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[2]
