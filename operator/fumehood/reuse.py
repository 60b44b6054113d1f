"""Results that may be taken again: where they are noted, and whether they still are what they were.

A note is an object `<namespace>/cache/<incarnation>/<key>` of the artifact bucket that
names an attempt and the digest of its manifest. It is believed in nothing: the
manifest repeats the key, sealed by the collector, and every object is looked up. No
program can write there, since its permit ends at its attempt's own prefix.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from fumehood_sandbox import wire

from .api.v1alpha1 import AnalysisJob
from .core import cachekey, names
from .core.manifest import ManifestError, verify
from .core.plan import Plan
from .errors import FumehoodError, Invalid, NotFound
from .kube import core_path
from .ports import ArtifactStore, Cluster

# Kubernetes puts it into every namespace. Its UID tells a namespace from an earlier one of the same name,
# which may have been another tenant's.
INCARNATION = "kube-root-ca.crt"
MAX_NOTE = 4096
_CHANGED = "what an equal job has left was changed"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Note:
    """Whose result has a key."""

    version: int
    job: str
    uid: str
    attempt: int
    digest: str


@dataclass(frozen=True)
class Hit:
    """A result that can be taken: its manifest, verified, with its digest and key in the store."""

    manifest: wire.Manifest
    digest: str
    key: str


class Miss(Exception):
    """Nothing can be taken; the message says why."""


class Reuse:
    """Notes and finds results, each namespace its own."""

    def __init__(self, cluster: Cluster, store: ArtifactStore) -> None:
        self._cluster = cluster
        self._store = store

    async def find(self, plan: Plan) -> Hit:
        """Return the result of an equal job of the plan's namespace.

        Raises:
            Miss: there is none, or it is not whole any more, or nobody can tell.
        """
        try:
            note = await self._note(plan.subject.namespace, plan.provenance.key)
            hit = await self._manifest(plan.subject.namespace, note)
            if hit.manifest.provenance.key != plan.provenance.key or not hit.manifest.complete:
                raise Miss(_CHANGED)
            await self._check_objects(hit.manifest)
        except NotFound:
            raise Miss("no equal job of this namespace has left a result") from None
        except (Invalid, ManifestError, wire.DecodeError):
            raise Miss(_CHANGED) from None
        except FumehoodError as error:
            _log.warning("%s/%s: no result can be looked for: %s", plan.subject.namespace, plan.subject.name, error)
            raise Miss("the store or the API server did not answer") from None
        return hit

    async def keep(self, manifest: wire.Manifest, digest: str) -> None:
        """Note the whole result of a job that succeeded, for equal jobs; what cannot be noted is made again, no worse."""
        subject = manifest.subject
        if not manifest.complete or not manifest.provenance.key:
            return
        try:
            place = await self._place(subject.namespace, manifest.provenance.key)
            note = Note(wire.VERSION, subject.name, subject.uid, subject.attempt, digest)
            await self._store.write(place, wire.encode(note))
        except FumehoodError as error:
            _log.warning("%s/%s: its result cannot be noted for reuse: %s", subject.namespace, subject.name, error)

    async def _note(self, namespace: str, key: str) -> Note:
        raw = await self._store.read(await self._place(namespace, key), MAX_NOTE)
        return wire.decode(Note, raw, max_bytes=MAX_NOTE)

    async def _manifest(self, namespace: str, note: Note) -> Hit:
        subject = wire.Subject(namespace, note.job, note.uid, note.attempt)
        key = names.prefix(namespace, note.uid, note.attempt) + wire.MANIFEST_NAME
        raw = await self._store.read(key, wire.MAX_MANIFEST)
        return Hit(verify(raw, wire.Seal(wire.VERSION, note.uid, note.attempt, note.digest), subject), note.digest, key)

    async def _check_objects(self, manifest: wire.Manifest) -> None:
        """Look every object up, by a key made anew of its digest."""
        subject = manifest.subject
        prefix = names.prefix(subject.namespace, subject.uid, subject.attempt) + wire.OBJECT_DIR
        logs = [log for log in (manifest.stdout, manifest.stderr) if log]
        sealed: list[wire.Artifact | wire.Log] = [*manifest.artifacts, *logs]
        if any(one.key != prefix + one.digest.removeprefix("sha256:") for one in sealed):
            raise Miss(_CHANGED)
        await asyncio.gather(*(self._check(key, digest, size) for key, digest, size in {(one.key, one.digest, one.size) for one in sealed}))

    async def _check(self, key: str, digest: str, size: int) -> None:
        try:
            found = await self._store.stored(key)
        except NotFound:
            raise Miss("some of what an equal job has left is gone") from None
        if found.digest is None:
            raise Miss("the store does not tell the digests of its objects")
        if (found.digest, found.size) != (digest, size):
            raise Miss(_CHANGED)

    async def _place(self, namespace: str, key: str) -> str:
        document = await self._cluster.get(core_path(namespace, "configmaps", INCARNATION))
        return names.note(namespace, document["metadata"]["uid"], key)


def obstacle(plan: Plan, job: AnalysisJob) -> str:
    """Return why `job` has no key; empty if it has one."""
    try:
        cachekey.key(plan, job.spec)
    except cachekey.Unknown as unknown:
        return str(unknown)
    return ""
