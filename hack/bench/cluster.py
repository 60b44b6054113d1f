"""What the benchmark does on the cluster: creates, watches the end, reads counters."""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from kubernetes import client, config, watch
from pydantic import SecretStr

from fumehood import orders
from fumehood.adapters.python import ADAPTER
from fumehood.api.v1alpha1 import AnalysisEnvironment, AnalysisJob
from fumehood.core import plan
from fumehood.core.access import Readable
from fumehood.core.isolation import NetworkProof
from fumehood.core.material import Found
from fumehood.executors.kubernetes import network
from fumehood.executors.kubernetes.pod import Isolation, pod, secret
from fumehood.registry import describer
from fumehood.settings import EgressSettings, PodSettings, StoreSettings
from fumehood.storage.s3 import S3Store, utc_now
from fumehood_sandbox import wire

ROOT = Path(__file__).resolve().parent.parent.parent
SYSTEM = "fumehood-system"
GROUP, VERSION, PLURAL = "fumehood.dev", "v1alpha1", "analysisjobs"
CODE = "open('/outputs/result.txt', 'w').write('a result')"
# Heartbeats and reviews go on whether there are jobs or not.
UNRELATED = {"events", "leases", "nodes", "tokenreviews", "subjectaccessreviews", "serviceaccounts", "endpointslices"}
WRITES = ("POST", "PUT", "PATCH", "APPLY", "DELETE")
DEADLINE = 1800.0
Json = dict[str, Any]


class Bench:
    """A namespace of its own, and the counters of API server and operator."""

    def __init__(self) -> None:
        config.load_kube_config()  # type: ignore[no-untyped-call]
        # Documents go in as they are; the client's types ask for its models.
        self._api: Any = client.ApiClient()
        self._core: Any = client.CoreV1Api(self._api)
        self._custom: Any = client.CustomObjectsApi(self._api)
        self._networking: Any = client.NetworkingV1Api(self._api)
        self._namespace = f"bench-{secrets.token_hex(3)}"
        self._images = json.loads((ROOT / ".cluster" / "images.json").read_text())
        settings = StoreSettings(
            endpoint=os.environ["S3_ENDPOINT"],
            bucket=os.environ["S3_BUCKET"],
            access_key=SecretStr(os.environ["S3_ACCESS_KEY"]),
            secret_key=SecretStr(os.environ["S3_SECRET_KEY"]),
        )
        self._store = S3Store(settings, utc_now)
        self._port = settings.port

    def __enter__(self) -> Bench:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self._core.create_namespace({"metadata": {"name": self._namespace, "labels": labels}})
        policy = network.policy(self._namespace, EgressSettings(), self._store.addresses(), self._port)
        self._networking.create_namespaced_network_policy(self._namespace, policy)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._core.delete_namespace(self._namespace)

    def raw(self, count: int) -> float:
        """Return the seconds from the first creation until all containers of `count` raw Pods have ended."""
        documents = [self._raw_documents(f"raw-{secrets.token_hex(4)}") for _ in range(count)]
        waiting = {made["metadata"]["name"] for _, made in documents}
        ended = _Watch(self._core.list_namespaced_pod, self._namespace, waiting, _containers_ended)
        started = time.monotonic()
        for order, made in documents:
            self._core.create_namespaced_secret(self._namespace, order)
            self._core.create_namespaced_pod(self._namespace, made)
        seconds = ended.wait() - started
        for name in waiting:
            self._core.delete_namespaced_pod(name, self._namespace, grace_period_seconds=0)
            self._core.delete_namespaced_secret(name, self._namespace)
        return seconds

    def jobs(self, count: int) -> float:
        """Return the seconds from the first creation until `count` jobs are final."""
        names = {f"job-{secrets.token_hex(4)}" for _ in range(count)}
        ended = _Watch(self._list_jobs, None, set(names), _job_final)
        started = time.monotonic()
        for name in sorted(names):
            self._custom.create_namespaced_custom_object(GROUP, VERSION, self._namespace, PLURAL, self._job(name))
        return ended.wait() - started

    def writes(self, work: Callable[[], object]) -> Counter[str]:
        """Return the API writes that `work` and what follows from it cost, by kind."""
        self._settle()
        before = self._writes()
        work()
        self._settle()
        return self._writes() - before

    def alone(self, one: Callable[[int], object], count: int) -> None:
        """Do one `count` times, each when nothing is left of the one before."""
        for _ in range(count):
            one(1)
            self._settle()

    def many(self, count: int) -> tuple[Counter[str], float, float, float]:
        """Run `count` jobs, 50 at a time; return API writes, the operator's CPU seconds and memory, and seconds."""
        cpu, started = self._operator("process_cpu_seconds_total"), time.monotonic()
        writes = self.writes(lambda: [self.jobs(min(50, count - begun)) for begun in range(0, count, 50)])
        seconds = time.monotonic() - started
        memory = self._operator("process_resident_memory_bytes")
        return writes, self._operator("process_cpu_seconds_total") - cpu, memory, seconds

    def _settle(self) -> None:
        """Wait until no job Pod is left."""
        while self._core.list_namespaced_pod(self._namespace).items:
            time.sleep(0.5)

    def _list_jobs(self, *_: Any, **options: Any) -> Any:
        return self._custom.list_namespaced_custom_object(GROUP, VERSION, self._namespace, PLURAL, **options)

    def _job(self, name: str) -> Json:
        source = {"entrypoint": "main.py", "files": {"main.py": CODE}}
        spec = {"schemaVersion": "1.0", "environment": "python", "source": source, "limits": {"memory": "64Mi"}}
        return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "AnalysisJob", "metadata": {"name": name}, "spec": spec}

    def _raw_documents(self, name: str) -> tuple[Json, Json]:
        image = self._images["environments"]["python"]
        metadata = {"name": name, "uid": f"00000000-0000-0000-0000-{secrets.token_hex(6)}", "namespace": self._namespace}
        job = AnalysisJob.model_validate(self._job(name) | {"metadata": metadata})
        spec = {"image": image["reference"], "adapter": "python", "envVersion": image["envVersion"]}
        environment = AnalysisEnvironment.model_validate({"metadata": {"name": "python"}, "spec": spec})
        made = plan.make_plan(job, environment, 1, describer("python", {"python": ADAPTER}), Found(), wire.Deadlines(60, 120, 300))
        order = orders.build(made, self._store, 300, Readable(self._store.bucket))
        documents = (
            secret(made, order, {}),
            pod(made, PodSettings(sandbox_image=self._images["sandbox"]["reference"]), Isolation(False, NetworkProof.DISABLED), {}),
        )
        for document in documents:
            document["metadata"].pop("ownerReferences")
        return documents

    def _writes(self) -> Counter[str]:
        text = self._get("/metrics")
        counts: Counter[str] = Counter()
        for line in re.findall(r"^apiserver_request_total\{.*$", text, re.MULTILINE):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            if labels["verb"] in WRITES and labels["resource"] not in UNRELATED and labels["dry_run"] == "":
                counts[f"{labels['verb']} {labels['resource']} {labels['subresource']}".strip()] += int(float(line.rsplit(" ", 1)[1]))
        return counts

    def _operator(self, metric: str) -> float:
        pods = self._core.list_namespaced_pod(SYSTEM, label_selector="app.kubernetes.io/name=fumehood").items
        name = next(pod.metadata.name for pod in pods if pod.status.phase == "Running")
        text = self._get(f"/api/v1/namespaces/{SYSTEM}/pods/{name}:9090/proxy/metrics")
        found = re.search(rf"^{metric} (\S+)$", text, re.MULTILINE)
        assert found, f"the operator does not report {metric}"
        return float(found[1])

    def _get(self, path: str) -> str:
        response = self._api.rest_client.request("GET", self._api.configuration.host + path, headers={"Accept": "text/plain"})
        return bytes(response.read()).decode()


class _Watch:
    """Sees objects end, from a thread of its own, started before they are made."""

    def __init__(self, listing: Any, namespace: str | None, waiting: set[str], ended: Any) -> None:
        self._waiting, self._ended = waiting, ended
        self._at = 0.0
        self._arguments = (namespace,) if namespace else ()
        self._listing = listing
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._waiting = set(waiting)
        self._thread.start()
        time.sleep(0.3)  # the watch is open before the clock starts; its own start is no part of what is measured

    def wait(self) -> float:
        """Return when the last one ended."""
        self._thread.join(DEADLINE)
        assert not self._waiting, f"not ended within {DEADLINE:.0f} s: {sorted(self._waiting)[:3]}"
        return self._at

    def _run(self) -> None:
        stream: Any = watch.Watch()  # type: ignore[no-untyped-call]
        while self._waiting:  # the API server ends a watch when it likes; the next one begins with all there is
            for event in stream.stream(self._listing, *self._arguments, timeout_seconds=60):
                document = event["raw_object"]
                if document["metadata"]["name"] in self._waiting and self._ended(document):
                    self._waiting.discard(document["metadata"]["name"])
                    self._at = time.monotonic()
                    if not self._waiting:
                        stream.stop()


def _containers_ended(document: Json) -> bool:
    statuses = document.get("status", {}).get("containerStatuses") or []
    return len(statuses) == 2 and all("terminated" in status["state"] for status in statuses)


def _job_final(document: Json) -> bool:
    phase = (document.get("status") or {}).get("phase")
    assert phase not in ("Failed", "Cancelled"), document["status"]
    return phase == "Succeeded"
