"""The few calls that bringing a node up makes to its API server."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Any

from embedded.addresses import Addresses
from embedded.place import NODE_NAME, Place
from report import ClusterError


class Api:
    """An administrator's client, from the host."""

    def __init__(self, place: Place, addresses: Addresses) -> None:
        self._server = f"https://{addresses.node}:6443"
        context = ssl.create_default_context(cafile=str(place.pki / "ca.crt"))
        context.load_cert_chain(str(place.pki / "admin.crt"), str(place.pki / "admin.key"))
        handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def get(self, path: str) -> dict[str, Any] | None:
        """The object at ``path``, or None where there is none."""
        try:
            return self._call("GET", path, None)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise ClusterError(f"GET {path}: {_reason(error)}") from error

    def apply(self, path: str, content: dict[str, Any]) -> None:
        """Server-side apply: makes the object or corrects it."""
        try:
            self._call("PATCH", f"{path}?fieldManager=fumehood-cluster&force=true", content)
        except urllib.error.HTTPError as error:
            raise ClusterError(f"the API server refused {path}: {_reason(error)}") from error

    def node_ready(self) -> bool:
        """Whether the node's Ready condition is true."""
        node = self.get(f"/api/v1/nodes/{NODE_NAME}") or {}
        conditions = node.get("status", {}).get("conditions", [])
        return any(entry["type"] == "Ready" and entry["status"] == "True" for entry in conditions)

    def _call(self, method: str, path: str, content: dict[str, Any] | None) -> dict[str, Any]:
        body = json.dumps(content).encode() if content is not None else None
        request = urllib.request.Request(self._server + path, data=body, method=method)
        request.add_header("Content-Type", "application/apply-patch+yaml")
        with self._opener.open(request, timeout=10) as answer:
            result: dict[str, Any] = json.load(answer)
            return result


def _reason(error: urllib.error.HTTPError) -> str:
    return f"{error.code} {error.read(2000).decode(errors='replace')}"
