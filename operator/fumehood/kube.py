"""The one door to the Kubernetes API: the official client as transport, JSON documents in and out.

Its generated models cost more to decode than all the rest of a job together, so
they are left out; credentials, TLS and connections are the client's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote as _quote

import aiohttp
import yaml
from kubernetes.aio import client, config

from .api.v1alpha1 import GROUP, VERSION
from .errors import AlreadyExists, Conflict, Forbidden, FumehoodError, Invalid, NotFound, SettingsError, Unavailable
from .ports import Json

REQUEST_TIMEOUT = 30
# Where the API server keeps its own addresses.
KUBERNETES_SLICE = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes"


class KubeClient:
    """Implements `ports.Cluster`."""

    def __init__(self, api: client.ApiClient) -> None:
        self._api = api

    @classmethod
    async def connect(cls) -> KubeClient:
        """Use the Pod's service account if there is one, else the kubeconfig.

        Raises:
            SettingsError: there is neither.
        """
        configuration = client.Configuration()
        # Else each request looks for .netrc and proxy variables, in two threads, which costs
        # more than the request. A proxy that the kubeconfig names is still used.
        configuration.client_session_kwargs = {"trust_env": False}
        try:
            config.load_incluster_config(client_configuration=configuration)
        except config.ConfigException:
            await _load_kubeconfig(configuration)
        return cls(client.ApiClient(configuration))

    async def close(self) -> None:
        """Close all connections."""
        await self._api.close()

    async def get(self, path: str) -> Json:
        """See `ports.Cluster`."""
        return await self._request("GET", path)

    async def create(self, path: str, body: Json) -> Json:
        """See `ports.Cluster`."""
        return await self._request("POST", path, body)

    async def replace(self, path: str, body: Json) -> Json:
        """See `ports.Cluster`."""
        return await self._request("PUT", path, body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        """See `ports.Cluster`."""
        return await self._request("PATCH", path, body, "application/merge-patch+json")

    async def delete(self, path: str, uid: str | None = None, grace: int | None = None) -> None:
        """See `ports.Cluster`."""
        options: Json = {"propagationPolicy": "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            await self._request("DELETE", path, options)
        except (NotFound, Conflict):
            pass  # gone, or another object of that name: neither is ours to delete

    async def _request(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Json:
        # The token may have been rotated: the configuration's hook reads it anew.
        headers = {"Accept": "application/json", "Content-Type": content_type}
        await self._authorise(headers)
        url = self._api.configuration.host + path
        try:
            response = await self._api.rest_client.request(method, url, headers=headers, body=body, _request_timeout=REQUEST_TIMEOUT)
            raw = await response.read()
        except client.ApiException as error:
            raise translate(int(error.status or 0), error.body, dict(error.headers or {}), f"{method} {path}") from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{method} {path}: no answer from the API server ({type(error).__name__})") from None
        if response.status >= 400:
            raise translate(response.status, raw, dict(response.headers or {}), f"{method} {path}")
        document: Json = json.loads(raw)
        return document

    async def _authorise(self, headers: dict[str, str]) -> None:
        await self._api.update_params_for_auth(headers, [], ["BearerToken"], None, None, None)


async def _load_kubeconfig(configuration: client.Configuration) -> None:
    try:
        await config.load_kube_config(client_configuration=configuration)
    except (config.ConfigException, OSError, yaml.YAMLError) as error:
        # Not the error's own words: they may quote what is in the file.
        raise SettingsError(f"no service account, and no kubeconfig that can be used ({type(error).__name__}); set KUBECONFIG") from None


def translate(status: int, body: Any, headers: Mapping[str, str], attempted: str) -> FumehoodError:
    """Return our error for an answer of the API server."""
    reason, message = _status_of(body)
    text = f"{attempted}: {message[:500]}"
    if status == 404:
        return NotFound(text)
    if status == 409:
        return AlreadyExists(text) if reason == "AlreadyExists" else Conflict(text)
    if status in (401, 403):
        return Forbidden(text)
    if status in (400, 405, 413, 415, 422):
        return Invalid(text)
    retry_after = headers.get("Retry-After", "")
    return Unavailable(f"{text} ({status})", delay=float(retry_after) if retry_after.isdigit() else None)


def _status_of(body: Any) -> tuple[str, str]:
    try:
        document = json.loads(body)
        return str(document.get("reason", "")), str(document.get("message", ""))
    except (ValueError, TypeError, AttributeError):
        return "", ""


def quote(name: str) -> str:
    """Return a name as one segment of a path, whatever is in it."""
    return _quote(name, safe="")


def core_path(namespace: str, plural: str, name: str = "") -> str:
    """Return the path of a namespaced core object or collection."""
    return f"/api/v1/namespaces/{quote(namespace)}/{plural}" + (f"/{quote(name)}" if name else "")


def job_path(namespace: str, name: str, subresource: str = "") -> str:
    """Return the path of an AnalysisJob."""
    return f"/apis/{GROUP}/{VERSION}/namespaces/{quote(namespace)}/analysisjobs/{quote(name)}" + (f"/{subresource}" if subresource else "")


def policy_path(namespace: str, name: str = "") -> str:
    """Return the path of a NetworkPolicy, or of all of a namespace."""
    return f"/apis/networking.k8s.io/v1/namespaces/{quote(namespace)}/networkpolicies" + (f"/{quote(name)}" if name else "")


def events_path(namespace: str) -> str:
    """Return the path of a namespace's Events."""
    return f"/apis/events.k8s.io/v1/namespaces/{quote(namespace)}/events"


def environment_path(name: str = "") -> str:
    """Return the path of an AnalysisEnvironment, or of all."""
    return f"/apis/{GROUP}/{VERSION}/analysisenvironments" + (f"/{quote(name)}" if name else "")
