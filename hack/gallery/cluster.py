"""Runs analyses on the cluster: a few at a time, each judged when its end is seen."""

from __future__ import annotations

import io
import json
import os
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from kubernetes import client, config, watch
from minio import Minio

from fumehood.registry import load_adapters
from gallery import jobs
from gallery.analyses import Analysis
from gallery.causes import LOST, TAIL, Failed, lost
from gallery.jobs import Json

ROOT = Path(__file__).resolve().parent.parent.parent
PLURAL = "analysisjobs"
FINAL = ("Succeeded", "Failed", "Cancelled")
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


class Gallery:
    """Two namespaces of its own: one for the jobs, one for what runs without a sandbox. Both are gone afterwards."""

    def __init__(self) -> None:
        config.load_kube_config()  # type: ignore[no-untyped-call]
        # Documents go in as they are; the client's types ask for its models.
        api: Any = client.ApiClient()
        self._core: Any = client.CoreV1Api(api)
        self._custom: Any = client.CustomObjectsApi(api)
        self._namespace = f"gallery-{secrets.token_hex(3)}"
        self._plain = f"{self._namespace}-plain"
        self._environments: Json = json.loads((ROOT / ".cluster" / "images.json").read_text())["environments"]
        parts = urlsplit(os.environ["S3_ENDPOINT"])
        self._bucket = os.environ["S3_BUCKET"]
        self._store = Minio(
            parts.netloc,
            access_key=os.environ["S3_ACCESS_KEY"],
            secret_key=os.environ["S3_SECRET_KEY"],
            secure=parts.scheme == "https",
            region="us-east-1",
        )

    def __enter__(self) -> Gallery:
        for name, labels in ((self._namespace, RESTRICTED), (self._plain, {})):
            self._core.create_namespace({"metadata": {"name": name, "labels": labels}})
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name in (self._namespace, self._plain):
            self._core.delete_namespace(name)

    def run(self, analyses: Iterable[Analysis], at_once: int, ended: Callable[[Analysis, Json], None]) -> None:
        """Run all, `at_once` at a time; call `ended` with each and its job, as it was when it ended."""
        waiting, running = deque(analyses), dict[str, Analysis]()
        for _ in range(min(at_once, len(waiting))):
            self._start(waiting.popleft(), running)
        while running:  # the API server ends a watch when it likes; the next one begins with all there is
            stream: Any = watch.Watch()  # type: ignore[no-untyped-call]
            for event in stream.stream(self._list_jobs, timeout_seconds=60):
                document = event["raw_object"]
                analysis = running.get(document["metadata"]["name"])
                if analysis is None or (document.get("status") or {}).get("phase") not in FINAL:
                    continue
                del running[analysis.name]
                ended(analysis, document)
                self._custom.delete_namespaced_custom_object(jobs.GROUP, jobs.VERSION, self._namespace, PLURAL, analysis.name)
                if waiting:
                    self._start(waiting.popleft(), running)
                if not running:
                    stream.stop()

    def failed(self, document: Json) -> Failed | None:
        """Return what a job that ended says of its failure; None if there is none."""
        status, stderr = document["status"], self._stderr(document["status"])
        if status["phase"] == "Succeeded":
            return Failed(LOST, "FigureUnsaved", stderr=stderr) if lost(stderr) else None
        failure = status.get("failure") or {}
        evidence = failure.get("evidence") or {}
        return Failed(
            category=failure.get("category", status["phase"]),
            reason=failure.get("reason", status["phase"]),
            message=failure.get("message", "")[:TAIL],
            stderr=stderr,
            exit_code=evidence.get("exitCode"),
            system_calls=evidence.get("systemCalls") or {},
            package=evidence.get("package", ""),
        )

    def plain(self, analysis: Analysis) -> bool | None:
        """Run it in the same image without a sandbox; return whether it succeeded, None if that cannot be told."""
        environment = self._environments[analysis.environment]
        adapter = load_adapters((environment["adapter"],))[environment["adapter"]]
        documents = jobs.plain(analysis, adapter, environment["reference"])
        if documents is None:
            return None
        config_map, pod = documents
        self._core.create_namespaced_config_map(self._plain, config_map)
        self._core.create_namespaced_pod(self._plain, pod)
        while True:
            stream: Any = watch.Watch()  # type: ignore[no-untyped-call]
            selector = f"metadata.name={pod['metadata']['name']}"
            for event in stream.stream(self._core.list_namespaced_pod, self._plain, field_selector=selector, timeout_seconds=60):
                status = event["raw_object"].get("status", {})
                if status.get("phase") in FINAL:
                    return None if status.get("reason") == "DeadlineExceeded" else bool(status["phase"] == "Succeeded")

    def _start(self, analysis: Analysis, running: dict[str, Analysis]) -> None:
        prefix = f"inputs/{self._namespace}/{analysis.name}/"
        if not jobs.fits_inline(analysis):
            self._upload(prefix, analysis)
        document = jobs.job(analysis, f"s3://{self._bucket}/{prefix}")
        running[analysis.name] = analysis
        self._custom.create_namespaced_custom_object(jobs.GROUP, jobs.VERSION, self._namespace, PLURAL, document)

    def _upload(self, prefix: str, analysis: Analysis) -> None:
        for name, content in analysis.files.items():
            self._store.put_object(self._bucket, prefix + name, io.BytesIO(content), len(content))

    def _list_jobs(self, *_: Any, **options: Any) -> Any:
        return self._custom.list_namespaced_custom_object(jobs.GROUP, jobs.VERSION, self._namespace, PLURAL, **options)

    def _stderr(self, status: Json) -> str:
        """Return the end of what the program wrote to stderr."""
        log = ((status.get("result") or {}).get("logs") or {}).get("stderr")
        if not log or not log["size"]:
            return ""
        bucket, _, key = log["uri"].removeprefix("s3://").partition("/")
        response = self._store.get_object(bucket, key)
        try:
            return bytes(response.read())[-TAIL:].decode(errors="replace")
        finally:
            response.close()
            response.release_conn()
