"""A job, an environment and settings as the Pod, Secret and NetworkPolicy that come of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from fumehood.adapters.python import ADAPTER
from fumehood.api.v1alpha1 import AnalysisEnvironment, AnalysisJob
from fumehood.core import egress, isolation, plan
from fumehood.core.isolation import NetworkProof
from fumehood.core.material import Found
from fumehood.executors.kubernetes import network, probepod
from fumehood.executors.kubernetes.pod import Isolation, pod, secret
from fumehood.reconcile import owner_reference
from fumehood.registry import describer
from fumehood.settings import EgressSettings, NetworkSettings, NodeRule, PodSettings
from fumehood_sandbox import wire

Json = dict[str, Any]
CASES = Path(__file__).parent / "pods"
PROBE = Path(__file__).parent / "probe"
NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


def plan_of(job: Json, environment: Json, settings: Json) -> plan.Plan:
    """Return the plan of a job's first attempt."""
    one, offer = AnalysisJob.model_validate(job), AnalysisEnvironment.model_validate(environment)
    source = one.spec.source
    found = Found({source.config_map.name: {"data": {source.entrypoint: "pass"}}} if source.config_map else {})
    deadlines = wire.Deadlines(hello=60.0, staging=120.0, harvest=300.0)
    given = egress.grant(one.spec.egress, one.metadata.namespace, NetworkSettings.model_validate(settings.get("network") or {}), NOW)
    return plan.make_plan(one, offer, 1, describer("python", {"python": ADAPTER}), found, deadlines, given)


def pod_of(job: Json, environment: Json, settings: Json) -> Json:
    """Return the Pod."""
    made = plan_of(job, environment, settings)
    owner = owner_reference(made.subject.name, made.subject.uid)
    return pod(made, PodSettings.model_validate(settings["pods"]), Isolation(settings["hostUsers"], NetworkProof.PROVED), owner)


def secret_of(job: Json, environment: Json) -> Json:
    """Return the Secret, with an order that is not looked at."""
    made = plan_of(job, environment, {})
    return secret(made, b"{}", owner_reference(made.subject.name, made.subject.uid))


def policy_of(job: Json, settings: Json) -> Json:
    """Return the NetworkPolicy of the job's namespace."""
    egress = EgressSettings.model_validate(settings.get("egress") or {})
    return network.policy(job["metadata"]["namespace"], egress, tuple(settings["storeAddresses"]), settings["storePort"])


def egress_policies_of(job: Json, environment: Json, settings: Json) -> list[Json]:
    """Return the NetworkPolicy of the way out that the job asks for, if it does."""
    given = plan_of(job, environment, settings).egress
    return [network.egress_policy(job["metadata"]["namespace"], given)] if given else []


def probe_of(settings: Json) -> Json:
    """Return the Pod of a network probe."""
    places = {name: (place[0], int(place[1])) for name, place in settings["places"].items()}
    errand = isolation.errand(places | {isolation.NODE: (probepod.OWN_NODE, 10250)}, NodeRule(settings["node"]), 2.0, 30.0)
    owner = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "name": "fumehood-jobs", "uid": "policy-uid"}
    return probepod.probe_pod("lab", errand, PodSettings.model_validate(settings["pods"]), 180, owner)


def read(case: Path) -> tuple[Json, Json, Json]:
    """Return a case's job, environment and settings."""
    job, environment, settings = (yaml.safe_load((case / name).read_text()) for name in ("job.yaml", "environment.yaml", "settings.yaml"))
    return job, environment, settings


def rendered(case: Path) -> str:
    """Return all that comes of a case, as YAML with sorted keys."""
    job, environment, settings = read(case)
    return dumped(pod_of(job, environment, settings), policy_of(job, settings), *egress_policies_of(job, environment, settings))


def dumped(*documents: Json) -> str:
    """Return objects as YAML with sorted keys."""
    return yaml.safe_dump_all(documents, sort_keys=True, width=120, allow_unicode=True)


def cases() -> list[Path]:
    """Return every case's folder."""
    return sorted(path for path in CASES.iterdir() if path.is_dir())
