"""Gather what is, decide what to do, do it; again until there is nothing to do.

The kind of event never gets here: a key says which job to look at, and the answer
is when to look again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from pydantic import ValidationError

from fumehood_sandbox import wire

from . import audit, orders
from .api.v1alpha1 import (
    FINAL_PHASES,
    AnalysisEnvironment,
    AnalysisJob,
    AnalysisJobStatus,
    Cache,
    CacheStatus,
    ObjectMeta,
    Phase,
    ResultStatus,
)
from .core import cachekey, decide, egress, explain, names, plan, sanitise, status
from .core.access import Readable
from .core.admission import Admission
from .core.failures import Failure, Reason, Refused
from .core.isolation import NotIsolated, Outcome, Verdict
from .core.manifest import ManifestError, verify
from .core.observation import SandboxFacts
from .core.reading import first_error
from .environments import Environments
from .errors import Invalid, NotFound
from .inventory import Inventory
from .kube import job_path
from .materials import Materials, NotOver, NotThere
from .metrics import Metrics
from .ports import Adapter, ArtifactStore, Clock, Cluster, Executor, Json
from .readings import Readings
from .registry import describer
from .replays import Replays
from .reuse import Hit, Miss, Reuse, obstacle
from .settings import Settings
from .workqueue import Key

MAX_STEPS = 10
# How old an observation may get before it is made anew: a watch can be silent for long.
RESYNC = 300.0
# A proof that takes no longer than this is waited for without a word: most take a few seconds.
HOLD_QUIETLY = timedelta(seconds=10)
# How long after its own creation a job waits for another one to be created.
COMING = timedelta(seconds=10)
_log = logging.getLogger(__name__)


@dataclass
class Case:
    """One job while it is worked on."""

    job: AnalysisJob
    sandbox: SandboxFacts | None = None
    manifest: wire.Manifest | None = None
    result: ResultStatus | None = None
    unsealed: Failure | None = None


class Reconciler:
    """Everything that a job needs, by its parts; holds no state of jobs but what the watches told."""

    def __init__(
        self,
        settings: Settings,
        cluster: Cluster,
        executor: Executor,
        store: ArtifactStore,
        adapters: Mapping[str, Adapter],
        clock: Clock,
        metrics: Metrics,
        wake: Callable[[Key], None],
    ) -> None:
        self._settings = settings
        self._cluster = cluster
        self._executor = executor
        self._store = store
        self._adapters = adapters
        self._clock = clock
        self._metrics = metrics
        self._wake = wake
        self.admission = Admission(settings.max_concurrent)
        self.sandboxes = Inventory()
        self.readings = Readings(clock, timedelta(seconds=RESYNC))
        self.environments = Environments(cluster, clock, timedelta(seconds=RESYNC))
        self._readable = Readable(store.bucket, settings.store.input_buckets)
        self._materials = Materials(cluster, store, self._readable)
        self._reuse = Reuse(cluster, store)
        self._replays = Replays(cluster, store)
        self.written: dict[str, str] = {}  # resource version of our last write, by job UID
        self.observed: dict[str, datetime] = {}  # when a sandbox was last asked for, by job UID
        self._held: dict[str, set[Key]] = {}  # jobs that wait for a proof, by namespace
        self._dependents: dict[Key, set[Key]] = {}  # jobs that wait for another's artifacts, by that other

    async def reconcile(self, key: Key) -> float | None:
        """Bring one job as far as it goes now; return when to look again, in seconds."""
        with self.readings.take(key) as reading:
            case = await self._gather(key, reading.job)
            reading.job = None
            if case is None:
                return None
            seconds = await self._advance(case, key)
            if case.sandbox is not None:
                reading.job = case.job
            return seconds

    async def _advance(self, case: Case, key: Key) -> float | None:
        for _ in range(MAX_STEPS):
            action = decide.decide(self._view(case, key))
            if isinstance(action, decide.Wait):
                return min(action.seconds, RESYNC) if action.seconds is not None else None
            try:
                await self._act(case, action)
            except NotIsolated as held:
                return await self._hold(case, held)
            except NotThere as other:
                created = datetime.fromisoformat(case.job.metadata.creation_timestamp)
                patience = (created + COMING - self._clock()).total_seconds()
                if patience > 0:
                    await self._await(case, other)
                    return patience
                await self._finish(case, other.refused.failure, cancelled=False)
            except NotOver as other:
                return await self._await(case, other)
            except Refused as refused:
                await self._finish(case, refused.failure, cancelled=False)
            if isinstance(action, decide.Expire):
                return None
        return 1.0

    def network_told(self, namespace: str, verdict: Verdict) -> None:
        """Take note of what is known of a namespace's network, and look again at the jobs that wait for it."""
        self._metrics.proof(namespace, verdict)
        for key in self._held.pop(namespace, ()):
            self._wake(key)

    def over(self, key: Key) -> None:
        """Take note that a job is over, or gone, and look again at those that wait for its artifacts."""
        for dependent in self._dependents.pop(key, ()):
            self._wake(dependent)

    def forget(self, uid: str) -> None:
        """Drop what is remembered of a job, and wake those that waited for its place."""
        self.sandboxes.drop(uid)
        self.written.pop(uid, None)
        self.observed.pop(uid, None)
        self._release(uid)

    # --- gather ---

    async def _gather(self, key: Key, known: AnalysisJob | None) -> Case | None:
        namespace, name = key
        job = known or await self._read(key)
        if job is None:
            return None
        case = Case(job)
        uid, attempt = job.metadata.uid, job.status.attempt
        case.sandbox = self.sandboxes.get(uid)
        if attempt is not None and not case.job.status.final and self._is_stale(uid, case.sandbox):
            case.sandbox = await self._executor.observe(namespace, name, uid, attempt)
            self.observed[uid] = self._clock()
            self._remember(case)
        return case

    async def _read(self, key: Key) -> AnalysisJob | None:
        try:
            document = await self._cluster.get(job_path(*key))
        except NotFound:
            await self._keep_only(key, None)
            return None
        await self._keep_only(key, document["metadata"]["uid"])
        try:
            return AnalysisJob.model_validate(document)
        except ValidationError as error:
            await self._refuse_unreadable(document, error)
            return None

    def _is_stale(self, uid: str, known: SandboxFacts | None) -> bool:
        """Whether what the watch told last may be out of date, or is about to be taken for the sandbox's end."""
        if known is None:
            return True
        now = self._clock()
        age = now - self.observed.get(uid, known.created_at)
        return age >= timedelta(seconds=RESYNC) or (known.gone_by is not None and now >= known.gone_by)

    def _view(self, case: Case, key: Key) -> decide.View:
        job, sandbox = case.job, case.sandbox
        deadlines = self._settings.deadlines
        waiting = sandbox is None and not job.status.attempt and not job.status.final
        wanted = not job.spec.cancel and not job.metadata.deletion_timestamp
        slot = waiting and wanted and self.admission.request(job.metadata.uid, key, job.metadata.creation_timestamp)
        if sandbox is not None and not sandbox.ended:
            self.admission.occupy(job.metadata.uid, key)
        return decide.View(
            job=job,
            now=self._clock(),
            slot=slot,
            start_deadline=timedelta(seconds=deadlines.start),
            sandbox=sandbox,
            manifest=case.manifest,
            unsealed=case.unsealed,
        )

    # --- act ---

    async def _act(self, case: Case, action: decide.Action) -> None:
        match action:
            case decide.Launch(attempt):
                await self._launch(case, attempt)
            case decide.Fetch(seal):
                await self._fetch(case, seal)
            case decide.Progress(phase):
                await self._progress(case, phase)
            case decide.Finish(failure, cancelled):
                await self._finish(case, self._explained(case, failure), cancelled)
            case decide.Stop():
                assert case.sandbox is not None
                case.sandbox = await self._executor.stop(case.job.metadata.namespace, case.sandbox)
                self._remember(case)
            case decide.Release():
                await self._release_sandbox(case)
            case decide.Expire():
                meta = case.job.metadata
                await self._cluster.delete(job_path(meta.namespace, meta.name), meta.uid)

    async def _launch(self, case: Case, attempt: int) -> None:
        job, meta = case.job, case.job.metadata
        try:
            environment, made, order = await self._prepare(job, attempt)
            found = await self._look_for_a_result(job, made)
            if isinstance(found, Hit):
                await self._take(case, found)
                return
            case.sandbox = await self._executor.launch(made, order, owner_reference(meta.name, meta.uid))
        except Exception:
            self._release(meta.uid)
            raise
        self._remember(case)
        self._metrics.launched(made.environment)
        await self._record(case, status.launched(job, environment.spec, attempt, self._clock(), found))

    async def _look_for_a_result(self, job: AnalysisJob, made: plan.Plan) -> Hit | CacheStatus | None:
        """Return the result of an equal job, or why there is none; None for a job that wants its own."""
        if job.spec.cache is not Cache.REUSE:
            return None
        if unknown := obstacle(made, job):
            self._metrics.looked_up("unknown")
            return CacheStatus(hit=False, reason=unknown[:512])
        try:
            hit = await self._reuse.find(made)
        except Miss as miss:
            self._metrics.looked_up("miss")
            return CacheStatus(key=made.provenance.key, hit=False, reason=str(miss))
        self._metrics.looked_up("hit")
        return hit

    async def _take(self, case: Case, hit: Hit) -> None:
        """End a job with another's result: no Pod, and so no proof of a shut network, is needed."""
        result = status.result(hit.manifest, hit.digest, self._store.bucket, hit.key)
        await self._end(case, status.reused(case.job, self._clock(), hit.manifest, result))

    async def _hold(self, case: Case, held: NotIsolated) -> float | None:
        """Let a job wait, which has no place now, until its namespace's network is proved shut."""
        job, meta, now = case.job, case.job.metadata, self._clock()
        self._held.setdefault(meta.namespace, set()).add((meta.namespace, meta.name))
        if held.verdict.outcome is not Outcome.PROVING or now - datetime.fromisoformat(meta.creation_timestamp) >= HOLD_QUIETLY:
            new = status.held(job, held.verdict, now)
            if new != job.status:
                await self._record(case, new)
        return held.delay

    async def _await(self, case: Case, other: NotOver) -> float | None:
        """Let a job wait, which has no place now, until another one is over."""
        meta = case.job.metadata
        self._dependents.setdefault(other.key, set()).add((meta.namespace, meta.name))
        new = status.awaiting(case.job, str(other), self._clock())
        if new != case.job.status:
            await self._record(case, new)
        return RESYNC

    async def _prepare(self, job: AnalysisJob, attempt: int) -> tuple[AnalysisEnvironment, plan.Plan, bytes]:
        plan.check_schema_version(job.spec.schema_version)
        environment = await self.environments.resolve(job.spec.environment)
        found = await self._materials.find(job)
        await self._replays.check(job)
        deadlines = self._settings.deadlines
        made = plan.make_plan(
            job,
            environment,
            attempt,
            describer(environment.spec.adapter, self._adapters),
            found,
            wire.Deadlines(hello=deadlines.hello, staging=deadlines.staging, harvest=deadlines.harvest),
            egress.grant(job.spec.egress, job.metadata.namespace, self._settings.network, self._clock()),
        )
        made = cachekey.keyed(made, job.spec)
        # Signing looks the store's name up, which may take its time.
        order = await asyncio.to_thread(orders.build, made, self._store, deadlines.start, self._readable)
        return environment, made, order

    async def _fetch(self, case: Case, seal: wire.Seal) -> None:
        meta = case.job.metadata
        assert case.sandbox is not None and seal.digest is not None
        subject = wire.Subject(meta.namespace, meta.name, meta.uid, case.sandbox.attempt)
        key = names.prefix(meta.namespace, meta.uid, case.sandbox.attempt) + wire.MANIFEST_NAME
        try:
            case.manifest = verify(await self._store.read(key, wire.MAX_MANIFEST), seal, subject)
            case.result = status.result(case.manifest, seal.digest, self._store.bucket, key)
        except (ManifestError, NotFound, Invalid, ValueError) as error:
            case.unsealed = Failure(Reason.MANIFEST_INVALID, f"the sealed manifest cannot be believed: {sanitise.text(str(error), 300)}")

    def _explained(self, case: Case, failure: Failure | None) -> Failure | None:
        """Return a failure of the user's program in the words of its language, if its adapter knows them."""
        ended = explain.ended(failure, case.manifest) if failure and case.manifest else None
        if failure is None or case.manifest is None or ended is None:
            return failure
        language = case.manifest.provenance.adapter
        adapter = self._adapters.get(language)
        try:
            diagnosis = adapter.diagnose(ended) if adapter else None
        except Exception:  # a plug-in that stumbles over a program's words
            _log.exception("adapter %r cannot diagnose a failure", language)
            return failure
        if diagnosis is None:
            return failure
        return explain.explain(failure, diagnosis, case.manifest.env_version, partial(self.environments.catalog.having, language))

    async def _progress(self, case: Case, phase: Phase) -> None:
        sandbox = case.sandbox
        attempt = sandbox.attempt if sandbox else None
        await self._record(case, status.underway(case.job, phase, self._clock(), attempt, None, sandbox.created_at if sandbox else None))

    async def _finish(self, case: Case, failure: Failure | None, cancelled: bool) -> None:
        failure = failure and status.showable(failure, self._settings.private)
        verdict = status.final(case.job, self._clock(), failure, cancelled, case.sandbox, case.manifest, case.result)
        if case.sandbox is not None or case.job.status.attempt is not None:
            replayed = await self._replays.compare(case.job, verdict, case.manifest)
            verdict = verdict.model_copy(update={"replay": replayed})
        await self._end(case, verdict)
        if case.job.spec.cache is Cache.REUSE and verdict.phase is Phase.SUCCEEDED and case.manifest and case.result:
            await self._reuse.keep(case.manifest, case.result.manifest.digest)

    async def _end(self, case: Case, verdict: AnalysisJobStatus) -> None:
        """Record the last status of a job, and give its place free unless a sandbox still has it."""
        meta, failure = case.job.metadata, verdict.failure
        await self._record(case, verdict)
        self._metrics.finished(case.job.spec.environment, verdict)
        _log.info("%s/%s: %s %s", meta.namespace, meta.name, verdict.phase, failure.reason if failure else "")
        if case.sandbox is None:
            self._release(meta.uid)

    async def _release_sandbox(self, case: Case) -> None:
        assert case.sandbox is not None
        await self._executor.release(case.job.metadata.namespace, case.sandbox)
        self.sandboxes.release(case.sandbox)
        case.sandbox = None
        self.observed.pop(case.job.metadata.uid, None)
        self._release(case.job.metadata.uid)

    async def _record(self, case: Case, new: AnalysisJobStatus) -> None:
        meta = case.job.metadata
        if case.sandbox is not None:
            new = status.surrounded(new, case.sandbox, self._clock())
            if case.sandbox.egress and new.egress is None:
                new = await self._audited(case, case.sandbox, new)
        body = {"metadata": {"resourceVersion": meta.resource_version}, "status": status.document(new)}
        written = await self._cluster.patch(job_path(meta.namespace, meta.name, "status"), body)
        # The spec cannot have changed: the write names the version that was read.
        stored = ObjectMeta.model_validate(written["metadata"])
        case.job = case.job.model_copy(update={"metadata": stored, "status": new})
        self.written[meta.uid] = stored.resource_version

    async def _audited(self, case: Case, sandbox: SandboxFacts, new: AnalysisJobStatus) -> AnalysisJobStatus:
        """Add the way out that a sandbox has to the first status after it was made, having told of it before."""
        profile = self._settings.network.profiles.get(sandbox.egress)
        granted = status.egress(case.job, sandbox, profile.until if profile else None)
        if granted is not None:
            await audit.egress_granted(self._cluster, self._metrics, case.job, granted, sandbox.attempt, self._clock())
        return new.model_copy(update={"egress": granted})

    async def _refuse_unreadable(self, document: Json, error: ValidationError) -> None:
        """A job that an older schema admitted, or whose status was changed by hand: it ends, and harms no other."""
        meta = document["metadata"]
        readable = {
            "metadata": meta,
            "spec": {"schemaVersion": "1.0", "environment": "unreadable", "source": {"entrypoint": "x", "files": {"x": ""}}},
        }
        case = Case(AnalysisJob.model_validate(readable))
        if (document.get("status") or {}).get("phase") not in FINAL_PHASES:
            await self._finish(case, Failure(Reason.SPEC_INVALID, first_error(error)), cancelled=False)

    def _remember(self, case: Case) -> None:
        meta = case.job.metadata
        if case.sandbox is not None:
            self.sandboxes.put((meta.namespace, meta.name), case.sandbox)
        else:
            self.sandboxes.drop(meta.uid)

    async def _keep_only(self, key: Key, uid: str | None) -> None:
        """Forget earlier jobs of the same name: a deletion that no watch saw is seen here.

        Kubernetes removes their sandboxes, but would grant them the whole time of a harvest
        that nobody waits for, and a SIGTERM that comes before a program listens is lost.
        """
        for orphan in self.sandboxes.others(key, uid):
            if not orphan.ended:
                await self._executor.release(key[0], orphan)
                self.sandboxes.release(orphan)
            self.forget(orphan.job_uid)
        for woken in self.admission.keep_only(key, uid):
            self._wake(woken)

    def _release(self, uid: str) -> None:
        for key in self.admission.release(uid):
            self._wake(key)


def owner_reference(name: str, uid: str) -> Json:
    """Return the reference by which Kubernetes removes what belongs to a deleted job."""
    return {
        "apiVersion": "fumehood.dev/v1alpha1",
        "kind": "AnalysisJob",
        "name": name,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
