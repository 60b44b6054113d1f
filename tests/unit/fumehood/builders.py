"""Small things to test with: a job, an environment, a sandbox, a manifest; each valid, each field to be changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from fumehood.api.v1alpha1 import AnalysisEnvironment, AnalysisJob
from fumehood.core import names
from fumehood.core.manifest import digest
from fumehood.core.observation import ContainerFacts, SandboxFacts
from fumehood.core.program import Description, Program
from fumehood.settings import Settings
from fumehood_sandbox import wire

Json = dict[str, Any]
UID = "0f9d2c1e-3b4a-4c5d-8e6f-7a8b9c0d1e2f"
NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
CREATED = "2026-11-01T11:59:58Z"
DIGEST = "sha256:" + "a" * 64
IMAGE = "registry.example/python@" + DIGEST
PAYLOAD = "registry.example/sandbox@sha256:" + "b" * 64
LIMITS = wire.Limits(
    wall_clock=60.0,
    cpu_time=60.0,
    memory=512 << 20,
    disk=256 << 20,
    output=1 << 20,
    artifacts=100,
    artifact_bytes=256 << 20,
    processes=256,
    open_files=1024,
    file_size=256 << 20,
    files=10_000,
)


def at(seconds: float) -> datetime:
    """Return the instant that many seconds after NOW."""
    return NOW + timedelta(seconds=seconds)


def job_document(status: Json | None = None, metadata: Json | None = None, **spec: Any) -> Json:
    """Return an AnalysisJob as the API server stores it."""
    return copy.deepcopy(
        {
            "apiVersion": "fumehood.dev/v1alpha1",
            "kind": "AnalysisJob",
            "metadata": {
                "name": "co2-trend",
                "namespace": "lab",
                "uid": UID,
                "generation": 1,
                "resourceVersion": "1",
                "creationTimestamp": CREATED,
            }
            | (metadata or {}),
            "spec": {
                "schemaVersion": "1.0",
                "environment": "python",
                "source": {"entrypoint": "main.py", "files": {"main.py": "print(1)"}},
            }
            | spec,
            **({"status": status} if status else {}),
        }
    )


def job(status: Json | None = None, metadata: Json | None = None, **spec: Any) -> AnalysisJob:
    """Return an AnalysisJob."""
    return AnalysisJob.model_validate(job_document(status, metadata, **spec))


def environment_document(**spec: Any) -> Json:
    """Return an AnalysisEnvironment as the API server stores it."""
    return {
        "apiVersion": "fumehood.dev/v1alpha1",
        "kind": "AnalysisEnvironment",
        "metadata": {"name": "python", "uid": "e", "resourceVersion": "1", "creationTimestamp": CREATED},
        "spec": {"image": IMAGE, "adapter": "python", "envVersion": "python-2026.11"} | spec,
    }


def environment(**spec: Any) -> AnalysisEnvironment:
    """Return an AnalysisEnvironment."""
    return AnalysisEnvironment.model_validate(environment_document(**spec))


def collector(**facts: Any) -> ContainerFacts:
    """Return the collector's facts."""
    return ContainerFacts(wire.COLLECTOR, **facts)


def analysis(**facts: Any) -> ContainerFacts:
    """Return the analysis container's facts."""
    return ContainerFacts(wire.ANALYSIS, **facts)


def sandbox(**facts: Any) -> SandboxFacts:
    """Return a sandbox whose two containers run, unless something else is said."""
    running = SandboxFacts(
        name=names.pod("co2-trend", UID, 1),
        uid="pod-uid",
        job_uid=UID,
        attempt=1,
        created_at=NOW,
        phase="Running",
        scheduled=True,
        gone_by=at(1000),
        collector=collector(started=True),
        analysis=analysis(started=True, started_at=at(-10)),
    )
    return replace(running, **facts)


def sealed(seal: wire.Seal, **facts: Any) -> SandboxFacts:
    """Return a sandbox whose collector ended with `seal` as its last word."""
    ended = collector(started=True, terminated=True, message=wire.encode(seal).decode(), exit_code=0, finished_at=NOW)
    return sandbox(**({"collector": ended, "analysis": analysis(started=True, terminated=True, exit_code=0)} | facts))


def claim(**fields: Any) -> wire.Claim:
    """Return the claim of a program that ended well."""
    good: Json = {"ending": wire.Ending.EXITED, "exit_code": 0, "usage": wire.Usage(1.0, 0.9, 64 << 20)}
    return wire.Claim(**(good | fields))


def artifact(name: str = "trend.png", **fields: Any) -> wire.Artifact:
    """Return one sealed artifact."""
    values: Json = {
        "name": name,
        "kind": "plot",
        "format": "png",
        "content_type": "image/png",
        "digest": DIGEST,
        "size": 10,
        "key": f"lab/{UID}/1/sha256/{'a' * 64}",
    }
    return wire.Artifact(**(values | fields))


def log(tail: str = "", **fields: Any) -> wire.Log:
    """Return one sealed stream."""
    values: Json = {"digest": DIGEST, "size": len(tail), "key": f"lab/{UID}/1/sha256/{'a' * 64}", "written": len(tail), "truncated": False}
    return wire.Log(**(values | fields), tail=tail)


def manifest(**fields: Any) -> wire.Manifest:
    """Return the manifest of an attempt that went well."""
    values: Json = {
        "version": wire.VERSION,
        "subject": wire.Subject("lab", "co2-trend", UID, 1),
        "environment": "python",
        "env_version": "python-2026.11",
        "complete": True,
        "claim": claim(),
        "times": wire.Times("2026-11-01T12:00:00.5Z", "2026-11-01T12:00:01Z", "2026-11-01T12:00:02.5Z", "2026-11-01T12:00:02.75Z"),
        "artifacts": (artifact(),),
        "sandbox": wire.Sandbox(True, True, True, True, True, 7),
    }
    return wire.Manifest(**(values | fields))


def seal_of(manifest: wire.Manifest, **fields: Any) -> tuple[bytes, wire.Seal]:
    """Return a manifest's bytes and the seal that names them."""
    raw = wire.encode(manifest)
    values: Json = {"version": wire.VERSION, "uid": UID, "attempt": 1, "digest": digest(raw), "size": len(raw)}
    return raw, wire.Seal(**(values | fields))


def settings(**fields: Any) -> Settings:
    """Return the operator's settings."""
    values: Json = {
        "store": {"endpoint": "http://192.0.2.10:9000", "bucket": "fumehood", "access_key": "access", "secret_key": "hush-hush"},
        "pods": {"sandbox_image": PAYLOAD},
        # Most tests are of something else than the proof, which would come before each of their jobs.
        "network": {"proof": {"enabled": False}},
    }
    return Settings(**(values | fields))


def describing(*argv: str, **variables: str) -> Callable[[Program], Description]:
    """Return an adapter that makes one command of every program."""
    preview = wire.Command(("preview",), {})
    return lambda program: Description("python", {}, wire.Command(argv, variables), preview if program.previews else None, (), ())
