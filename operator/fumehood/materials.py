"""Looks up what a job names: ConfigMaps, folders of the store, artifacts of other jobs."""

from __future__ import annotations

from pydantic import ValidationError

from fumehood_sandbox import wire

from .api.v1alpha1 import AnalysisJob, ArtifactSource, Evidence
from .core import names, origin
from .core.access import Readable
from .core.failures import Reason, Refused
from .core.material import MAX_LISTED, Found, Located
from .errors import NotFound
from .kube import core_path, job_path
from .ports import ArtifactStore, Cluster, Json
from .sealed import manifest_of
from .workqueue import Key


class NotOver(Exception):
    """A job that this one needs an artifact of is not over yet."""

    what = "is not over yet"

    def __init__(self, key: Key) -> None:
        super().__init__(f"it waits for an artifact of job {key[1]!r}, which {self.what}")
        self.key = key


class NotThere(NotOver):
    """There is no such job: perhaps not yet, since several can be made at once, in any order."""

    what = "is not there yet"

    def __init__(self, key: Key, refused: Refused) -> None:
        super().__init__(key)
        self.refused = refused


class Materials:
    """Reads the cluster, lists the store, and opens no object but manifests."""

    def __init__(self, cluster: Cluster, store: ArtifactStore, readable: Readable) -> None:
        self._cluster = cluster
        self._store = store
        self._readable = readable

    async def find(self, job: AnalysisJob) -> Found:
        """Return what there is of all that a job names.

        Raises:
            Refused: an artifact does not exist, or a folder may not be read.
            NotOver: its job is not over; NotThere: there is none.
            Retryable: the API server or the store does not answer.
        """
        source, inputs, namespace = job.spec.source, job.spec.inputs, job.metadata.namespace
        config_maps = {place.name for place in (source.config_map, *(item.config_map for item in inputs)) if place}
        folders = {place.uri for place in (source.s3, *(item.s3 for item in inputs)) if place and place.folder}
        artifacts = {
            place: field
            for field, place in (
                ("spec.source", source.artifact),
                *((f"spec.inputs[{at}]", item.artifact) for at, item in enumerate(inputs)),
            )
            if place
        }
        return Found(
            config_maps={name: found for name in sorted(config_maps) if (found := await self._config_map(namespace, name))},
            folders={uri: await self._folder(uri, namespace) for uri in sorted(folders)},
            artifacts={place: await self._artifact(namespace, place, f"{field}.artifact") for place, field in artifacts.items()},
        )

    async def _config_map(self, namespace: str, name: str) -> Json | None:
        try:
            return await self._cluster.get(core_path(namespace, "configmaps", name))
        except NotFound:
            return None

    async def _folder(self, uri: str, namespace: str) -> tuple[str, ...]:
        """Return the names of the objects below a folder; one that holds another namespace's results is not there."""
        self._readable.check(uri, namespace)
        listed = await self._store.list(uri, MAX_LISTED + 1)
        return () if any(self._readable.foreign(uri + name, namespace) for name in listed) else listed

    async def _artifact(self, namespace: str, wanted: ArtifactSource, field: str) -> Located:
        missing = Reason.SOURCE_MISSING if field.startswith("spec.source") else Reason.INPUT_MISSING
        try:
            document = await self._cluster.get(job_path(namespace, wanted.job))
            job = AnalysisJob.model_validate(document)
        except (NotFound, ValidationError):
            refused = Refused(missing, f"{field}: there is no AnalysisJob {wanted.job!r} in this namespace", Evidence(entry=wanted.job))
            raise NotThere((namespace, wanted.job), refused) from None
        if not job.status.final:
            raise NotOver((namespace, wanted.job))
        digests = await self._digests(job, wanted)
        if wanted.digest is not None:
            wished = "sha256:" + wanted.digest.removeprefix("sha256:")
            if wanted.name is not None and digests and wished not in digests:
                raise Refused(
                    Reason.INPUT_DIGEST_MISMATCH,
                    f"{field}: artifact {wanted.name!r} of job {wanted.job!r} has another digest, {digests[0]}",
                    Evidence(entry=wanted.name[:255]),
                )
            digests = tuple(digest for digest in digests if digest == wished)
        if not digests:
            what = repr(wanted.name) if wanted.name is not None else f"with digest {wanted.digest}"
            raise Refused(
                missing,
                f"{field}: job {wanted.job!r} ({job.status.phase}) has no artifact {what}",
                Evidence(entry=(wanted.name or wanted.digest or "")[:255]),
            )
        # The key is made anew: a status that somebody changed by hand leads nowhere else.
        made = origin.subject(job)
        prefix = names.prefix(namespace, made.uid, made.attempt)
        digest = digests[0].removeprefix("sha256:")
        return Located(f"s3://{self._store.bucket}/{prefix}{wire.OBJECT_DIR}{digest}", digest)

    async def _digests(self, job: AnalysisJob, wanted: ArtifactSource) -> tuple[str, ...]:
        """Return the digests of a job's artifacts, of that with the wanted name if there is one."""
        result = job.status.result
        if result is None:
            return ()
        artifacts: list[tuple[str, str]] = [(one.name, one.digest) for one in result.artifacts]
        if result.artifact_count > len(artifacts):
            artifacts = [(one.name, one.digest) for one in (await manifest_of(self._store, job)).artifacts]
        return tuple(digest for name, digest in artifacts if wanted.name in (None, name))
