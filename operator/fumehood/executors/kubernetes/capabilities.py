"""What every node of the cluster can: user namespaces, per runtime handler."""

from __future__ import annotations

import time

from ...api.v1alpha1 import Evidence
from ...core.failures import Reason, Refused
from ...errors import NotFound
from ...ports import Cluster, Json

MAX_AGE = 300.0


class Capabilities:
    """Remembers for some minutes what the nodes report of themselves."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._handlers: dict[str, str] = {}
        self._supported: frozenset[str] = frozenset()
        self._read_at: float | None = None

    async def user_namespaces(self, runtime_class: str | None) -> bool:
        """Return whether Pods of this RuntimeClass can have `hostUsers: false` on every node.

        Raises:
            Refused: there is no such RuntimeClass.
        """
        if self._read_at is None or time.monotonic() - self._read_at > MAX_AGE:
            nodes = await self._cluster.get("/api/v1/nodes?limit=500")
            self._supported = handlers_with_user_namespaces(nodes.get("items") or [])
            self._handlers.clear()
            self._read_at = time.monotonic()
        return await self._handler(runtime_class) in self._supported

    async def _handler(self, runtime_class: str | None) -> str:
        if runtime_class is None:
            return ""
        if runtime_class not in self._handlers:
            try:
                document = await self._cluster.get(f"/apis/node.k8s.io/v1/runtimeclasses/{runtime_class}")
            except NotFound:
                raise Refused(
                    Reason.SANDBOX_UNAVAILABLE, f"the cluster has no RuntimeClass {runtime_class!r}", Evidence(missing=("runtimeClass",))
                ) from None
            self._handlers[runtime_class] = str(document["handler"])
        return self._handlers[runtime_class]


def handlers_with_user_namespaces(nodes: list[Json]) -> frozenset[str]:
    """Return the runtime handlers that support user namespaces on every node; "" is the default one."""
    each = [
        frozenset(
            str(handler.get("name", ""))
            for handler in (node.get("status") or {}).get("runtimeHandlers") or []
            if (handler.get("features") or {}).get("userNamespaces")
        )
        for node in nodes
    ]
    return frozenset.intersection(*each) if each else frozenset()
