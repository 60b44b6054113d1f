"""What a finished job says of itself, and what it left in the store."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from .conftest import Json

INTERNAL = ("/opt/fumehood", "/run/fumehood", "/usr/lib", "/usr/local/lib", "python3.1", "site-packages/")


def fetch(store: Any, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    response = store.get_object(bucket, key)
    try:
        return bytes(response.read())
    finally:
        response.close()
        response.release_conn()


def sha256(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def manifest_of(store: Any, done: Json) -> Json:
    raw = fetch(store, done["status"]["result"]["manifest"]["uri"])
    assert sha256(raw) == done["status"]["result"]["manifest"]["digest"]
    document: Json = json.loads(raw)
    return document


def assert_failed(done: Json, category: str, reason: str) -> Json:
    status = done["status"]
    failure: Json = status.get("failure") or {}
    assert (status["phase"], failure.get("category"), failure.get("reason")) == ("Failed", category, reason), status
    succeeded = next(c for c in status["conditions"] if c["type"] == "Succeeded")
    assert (succeeded["status"], succeeded["reason"]) == ("False", reason)
    assert not [path for path in INTERNAL if path in failure["message"]], failure["message"]
    return failure
