"""What a namespace may read of the store: the operator's keys open more than a user may see (pure)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..api.v1alpha1 import Evidence
from .failures import Reason, Refused

_UID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_RESULT = re.compile(rf"([^/]+)/{_UID}/[0-9]+/.*", re.DOTALL)
_NOTE = re.compile(rf"([^/]+)/cache/{_UID}/.*", re.DOTALL)  # of results that may be taken again


@dataclass(frozen=True)
class Readable:
    """The buckets that inputs may come from; in that of the artifacts, each namespace sees its own results alone."""

    artifact_bucket: str
    input_buckets: tuple[str, ...] = ()

    def check(self, uri: str, namespace: str) -> None:
        """Refuse an object (s3://bucket/key), or a folder (…/), that `namespace` may not read."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        entry = Evidence(entry=uri[:255])
        if bucket not in (self.artifact_bucket, *self.input_buckets):
            raise Refused(Reason.INPUT_NOT_ALLOWED, f"spec.inputs: bucket {bucket!r} is none that inputs may come from", entry)
        if any(part in ("", ".", "..") for part in key.removesuffix("/").split("/")):
            raise Refused(Reason.INPUT_NOT_ALLOWED, "spec.inputs: a key with empty, . or .. parts is not allowed", entry)
        if self.foreign(uri, namespace):
            raise Refused(Reason.INPUT_NOT_ALLOWED, "spec.inputs: results of another namespace cannot be read", entry)

    def foreign(self, uri: str, namespace: str) -> bool:
        """Whether it is a result of another namespace, or says that there is one."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        result = _RESULT.fullmatch(key) or _NOTE.fullmatch(key)
        return bucket == self.artifact_bucket and result is not None and result[1] != namespace
