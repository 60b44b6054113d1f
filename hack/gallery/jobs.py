"""Analyses as AnalysisJobs, and as plain Pods without any of Fumehood's protections (pure)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from fumehood.api.v1alpha1.material import MAX_FILE_CHARS, MAX_FILES
from fumehood.core.program import DRIVER, Program
from fumehood.ports import Adapter
from gallery.analyses import Analysis

GROUP, VERSION = "fumehood.dev", "v1alpha1"
# What a careful workstation would give: none of these is what is tested here.
REQUESTS = {"cpu": "100m", "memory": "256Mi"}
LIMITS = {
    "wallClock": "30m",
    "cpuTime": "30m",
    "cpu": "2",
    "memory": "2Gi",
    "disk": "1Gi",
    "processes": 512,
    "artifacts": 1000,
}
MAX_INLINE = 512 << 10  # bytes of one manifest; the rest goes by way of the store
MAX_CONFIG_MAP = 900 << 10
Json = dict[str, Any]


def fits_inline(analysis: Analysis) -> bool:
    """Whether its files can be written into the manifest: texts, not too large."""
    files = analysis.files
    try:
        texts = [content.decode() for content in files.values()]
    except UnicodeDecodeError:
        return False
    return len(files) <= MAX_FILES and max(map(len, texts)) <= MAX_FILE_CHARS and sum(map(len, files.values())) <= MAX_INLINE


def job(analysis: Analysis, folder: str) -> Json:
    """Return its manifest; `folder` (s3://bucket/…/) is where its files are if they do not fit into it."""
    source: Json = {"entrypoint": analysis.entrypoint}
    if fits_inline(analysis):
        source["files"] = {name: content.decode() for name, content in analysis.files.items()}
    else:
        source["s3"] = {"uri": folder}
    labels = {"gallery.fumehood.dev/source": analysis.source}
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "AnalysisJob",
        "metadata": {"name": analysis.name, "labels": labels},
        "spec": {"schemaVersion": "1.0", "environment": analysis.environment, "source": source, "limits": LIMITS},
    }


def plain(analysis: Analysis, adapter: Adapter, image: str) -> tuple[Json, Json] | None:
    """Return ConfigMap and Pod that run the same command in the same image, without a sandbox; None if it is too large.

    What fails there too is not the sandbox's doing.
    """
    program = Program(analysis.entrypoint, previews=False)
    files = dict(analysis.files) | {f"{DRIVER}/{name}": text.encode() for name, text in adapter.prepare(program).items()}
    if sum(map(len, files.values())) > MAX_CONFIG_MAP:
        return None
    name = f"plain-{analysis.name[-8:]}"
    keys = {f"file-{at}": path for at, path in enumerate(sorted(files))}
    data = {key: base64.b64encode(files[path]).decode() for key, path in keys.items()}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "binaryData": data}
    return config_map, _plain_pod(name, image, keys, adapter, program)


def _plain_pod(name: str, image: str, keys: Mapping[str, str], adapter: Adapter, program: Program) -> Json:
    command = adapter.execute(program)
    environment = {"HOME": "/tmp", "FUMEHOOD_OUTPUTS": "/outputs"} | command.env
    items = [{"key": key, "path": path} for key, path in keys.items()]
    container = {
        "name": "plain",
        "image": image,
        "workingDir": "/work",
        # A ConfigMap is read-only and made of links; the program gets a folder of its own.
        "command": ["/bin/sh", "-c", 'cp -rL /given/. /work && exec "$@"', "sh", *command.argv],
        "env": [{"name": key, "value": value} for key, value in environment.items()],
        # Without requests of its own it would ask for all of its limits, which a small node never has left.
        "resources": {"requests": REQUESTS, "limits": {"cpu": LIMITS["cpu"], "memory": LIMITS["memory"]}},
        "volumeMounts": [{"name": place, "mountPath": f"/{place}"} for place in ("given", "work", "outputs", "tmp")],
    }
    volumes: list[Json] = [{"name": place, "emptyDir": {}} for place in ("work", "outputs", "tmp")]
    volumes.append({"name": "given", "configMap": {"name": name, "items": items}})
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": 1800,
            "automountServiceAccountToken": False,
            "containers": [container],
            "volumes": volumes,
        },
    }
