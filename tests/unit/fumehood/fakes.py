"""A Kubernetes API, an artifact store and a clock in memory.

The API keeps objects by path, gives each change a new resource version, refuses a
write that names an old one, merges patches and tells its listeners, as the real one
does. `fail_at` makes the n-th write fail, before or after it took effect.
"""

from __future__ import annotations

import asyncio
import copy
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from fumehood.core.manifest import digest
from fumehood.errors import AlreadyExists, Conflict, FumehoodError, NotFound, Unavailable
from fumehood.kube import environment_path
from fumehood.ports import Stored
from fumehood_sandbox import wire

from .builders import CREATED, NOW

Json = dict[str, Any]
Listener = Callable[[Json], None]
Access = tuple[str, str, str]  # verb, API group, resource


class Crash(BaseException):
    """The process is gone: nothing after it runs, and nobody handles it."""


def access(method: str, path: str) -> Access:
    """Return what RBAC calls a request: verb, API group, resource with its subresource."""
    group, place = re.fullmatch(r"/(?:api|apis/([^/]+))/v[^/]+/(?:namespaces/[^/]+/)?([^?]+)(?:\?.*)?", path).groups(default="")  # type: ignore[union-attr]
    resource, name, subresource = (*place.split("/"), "", "")[:3]
    verb = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get" if name else "list"}[method]
    return verb, group, f"{resource}/{subresource}" if subresource else resource


class FakeClock:
    """Implements `ports.Clock`: time passes when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class FakeCluster:
    """Implements `ports.Cluster`."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.writes: list[tuple[str, str]] = []
        self.asked: set[Access] = set()
        self.listeners: list[Listener] = []
        self.fault: Callable[[str, str, bool], Exception | BaseException | None] = lambda method, path, done: None
        self.created = CREATED  # of what is created from now on
        self._version = 100

    # --- the protocol ---

    async def get(self, path: str) -> Json:
        self.asked.add(access("GET", path))
        await asyncio.sleep(0)  # others get their turn, as between two requests
        path = path.partition("?")[0]
        if path not in self.objects:
            items = [item for other, item in self.objects.items() if other.rpartition("/")[0] == path]
            if items or path == environment_path():
                return {"items": copy.deepcopy(items)}
            raise NotFound(path)
        return copy.deepcopy(self.objects[path])

    async def create(self, path: str, body: Json) -> Json:
        self.asked.add(access("POST", path))
        await asyncio.sleep(0)  # others get their turn, as between two requests
        target = f"{path}/{body['metadata']['name']}"
        if target in self.objects:
            self._write("POST", target, lambda: None)
            raise AlreadyExists(target)
        document = copy.deepcopy(body)
        document["metadata"] |= {"uid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{target}{self._version}")), "creationTimestamp": self.created}
        return self._write("POST", target, lambda: self._put(target, document, "ADDED"))

    async def replace(self, path: str, body: Json) -> Json:
        self.asked.add(access("PUT", path))
        await asyncio.sleep(0)  # others get their turn, as between two requests

        def effect() -> Json:
            self._check(path, body)
            document = copy.deepcopy(body)
            document["metadata"] |= {name: self.objects[path]["metadata"].get(name) for name in ("uid", "creationTimestamp")}
            return self._put(path, self.objects[path] | document, "MODIFIED")

        return self._write("PUT", path, effect)

    async def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        self.asked.add(access("PATCH", path))
        await asyncio.sleep(0)  # others get their turn, as between two requests
        target, _, subresource = path.partition("/status")
        change = {"status": body["status"]} if subresource == "" and path.endswith("/status") else body

        def effect() -> Json:
            self._check(target, body)
            return self._put(target, _merged(self.objects[target], change), "MODIFIED")

        return self._write("PATCH", path, effect)

    async def delete(self, path: str, uid: str | None = None, grace: int | None = None) -> None:
        self.asked.add(access("DELETE", path))
        await asyncio.sleep(0)  # others get their turn, as between two requests

        def effect() -> None:
            found = self.objects.get(path)
            if found is not None and uid in (None, found["metadata"]["uid"]):
                self.remove(path)

        self._write("DELETE", path, effect)

    # --- what others do to the cluster ---

    def seed(self, path: str, document: Json) -> Json:
        """Put an object there as a user or administrator would."""
        return self._put(path, copy.deepcopy(document), "ADDED")

    def change(self, path: str, change: Json) -> Json:
        """Merge into an object as the kubelet or a user would."""
        return self._put(path, _merged(self.objects[path], change), "MODIFIED")

    def remove(self, path: str) -> None:
        """Take an object away, and what it owns."""
        document = self.objects.pop(path)
        self._tell("DELETED", document)
        uid = document["metadata"].get("uid")
        for other, item in list(self.objects.items()):
            if any(owner["uid"] == uid for owner in item["metadata"].get("ownerReferences") or []) and other in self.objects:
                self.remove(other)

    def of(self, plural: str) -> list[Json]:
        """Return all objects of a kind."""
        return [item for path, item in sorted(self.objects.items()) if path.split("/")[-2] == plural]

    # --- inside ---

    def _check(self, path: str, body: Mapping[str, Any]) -> None:
        if path not in self.objects:
            raise NotFound(path)
        metadata, known = body.get("metadata") or {}, self.objects[path]["metadata"]
        if metadata.get("resourceVersion") not in (None, "", known["resourceVersion"]) or metadata.get("uid") not in (None, known["uid"]):
            raise Conflict(path)

    def _write(self, method: str, path: str, effect: Callable[[], Json | None]) -> Json:
        if error := self.fault(method, path, False):
            raise error
        result = effect() or {}
        self.writes.append((method, path))
        if error := self.fault(method, path, True):
            raise error
        return copy.deepcopy(result)

    def _put(self, path: str, document: Json, event: str) -> Json:
        self._version += 1
        document["metadata"]["resourceVersion"] = str(self._version)
        self.objects[path] = document
        self._tell(event, document)
        return document

    def _tell(self, event: str, document: Json) -> None:
        for listener in list(self.listeners):
            listener({"type": event, "object": copy.deepcopy(document)})


class FakeStore:
    """Implements `ports.ArtifactStore`."""

    bucket = "fumehood"

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.signed: list[tuple[str, float]] = []
        self.down: FumehoodError | None = None
        self.reads = 0
        self.tells_digests = True

    def permit(self, prefix: str, max_object: int, lifetime: float) -> wire.Permit:
        self.signed.append((prefix, lifetime))
        return wire.Permit(url="http://192.0.2.10:9000/fumehood", host="store", prefix=prefix, fields={"policy": "x"})

    def link(self, uri: str, lifetime: float) -> wire.Remote:
        self.signed.append((uri, lifetime))
        return wire.Remote(url=uri.replace("s3://", "http://192.0.2.10:9000/"), host="store")

    async def list(self, uri: str, most: int) -> tuple[str, ...]:
        if self.down:
            raise self.down
        folder = uri.removeprefix(f"s3://{self.bucket}/")
        return tuple(sorted(key.removeprefix(folder) for key in self.objects if key.startswith(folder)))[:most]

    async def read(self, key: str, max_bytes: int) -> bytes:
        self.reads += 1
        if self.down:
            raise self.down
        if key not in self.objects:
            raise NotFound(key)
        return self.objects[key]

    async def write(self, key: str, content: bytes) -> None:
        if self.down:
            raise self.down
        self.objects[key] = content

    async def stored(self, key: str) -> Stored:
        if self.down:
            raise self.down
        if key not in self.objects:
            raise NotFound(key)
        raw = self.objects[key]
        return Stored(len(raw), digest(raw) if self.tells_digests else None)


def nth_write(number: int, *, after: bool, error: Callable[[], BaseException] = Crash) -> Callable[[str, str, bool], Any]:
    """Return a fault that strikes once: at the n-th write, before or after it took effect."""
    seen = 0

    def fault(method: str, path: str, done: bool) -> BaseException | None:
        nonlocal seen
        if done != after:
            return None
        seen += 1
        return error() if seen == number else None

    return fault


def unavailable() -> Unavailable:
    return Unavailable("no answer")


def _merged(target: Any, change: Any) -> Any:
    """Return RFC 7396's merge of `change` into `target`."""
    if not isinstance(change, dict):
        return copy.deepcopy(change)
    result = dict(copy.deepcopy(target)) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), value)
    return json.loads(json.dumps(result))
