"""A job, an environment and settings as the Pod, Secret and NetworkPolicy that come of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from fumehood.adapters.python import ADAPTER
from fumehood.api.v1alpha1 import AnalysisEnvironment, AnalysisJob
from fumehood.core import plan
from fumehood.executors.kubernetes import network
from fumehood.executors.kubernetes.pod import Isolation, pod, secret
from fumehood.reconcile import owner_reference
from fumehood.settings import EgressSettings, PodSettings
from fumehood_sandbox import wire

Json = dict[str, Any]
CASES = Path(__file__).parent / "pods"


def plan_of(job: Json, environment: Json) -> plan.Plan:
    """Return the plan of a job's first attempt."""
    one, offer = AnalysisJob.model_validate(job), AnalysisEnvironment.model_validate(environment)
    source = one.spec.source
    config_map = {"data": {source.entrypoint: "pass"}} if source.config_map else None
    command = ADAPTER.execute(source.entrypoint, one.spec.args)
    deadlines = wire.Deadlines(hello=60.0, staging=120.0, harvest=300.0)
    return plan.make_plan(one, offer, 1, command, plan.source_of(one, config_map), deadlines)


def pod_of(job: Json, environment: Json, settings: Json) -> Json:
    """Return the Pod."""
    made = plan_of(job, environment)
    owner = owner_reference(made.subject.name, made.subject.uid)
    return pod(made, PodSettings.model_validate(settings["pods"]), Isolation(host_users=settings["hostUsers"]), owner)


def secret_of(job: Json, environment: Json) -> Json:
    """Return the Secret, with an order that is not looked at."""
    made = plan_of(job, environment)
    return secret(made, b"{}", owner_reference(made.subject.name, made.subject.uid))


def policy_of(job: Json, settings: Json) -> Json:
    """Return the NetworkPolicy of the job's namespace."""
    egress = EgressSettings.model_validate(settings.get("egress") or {})
    return network.policy(job["metadata"]["namespace"], egress, tuple(settings["storeAddresses"]), settings["storePort"])


def read(case: Path) -> tuple[Json, Json, Json]:
    """Return a case's job, environment and settings."""
    job, environment, settings = (yaml.safe_load((case / name).read_text()) for name in ("job.yaml", "environment.yaml", "settings.yaml"))
    return job, environment, settings


def rendered(case: Path) -> str:
    """Return all that comes of a case, as YAML with sorted keys."""
    job, environment, settings = read(case)
    return yaml.safe_dump_all([pod_of(job, environment, settings), policy_of(job, settings)], sort_keys=True, width=120, allow_unicode=True)


def cases() -> list[Path]:
    """Return every case's folder."""
    return sorted(path for path in CASES.iterdir() if path.is_dir())
