"""Any Pod that can come of any job, environment and settings, for those who judge Pods."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from fumehood.core.failures import Refused
from golden import manifests, rendering

Json = dict[str, Any]

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
RESOURCES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
VARIABLES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
ENVIRONMENTS = st.builds(
    lambda digest, **spec: {
        "metadata": {"name": "python"},
        "spec": {"image": f"registry.example/x@sha256:{digest}", "adapter": "python", "envVersion": "1"} | spec,
    },
    DIGESTS,
    runtimeClassName=st.none() | RESOURCES,
    userNamespaces=st.sampled_from(["Auto", "Required", "Off"]),
    env=st.dictionaries(VARIABLES, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=10), max_size=3),
    maximums=st.sampled_from([{}, {"memory": "32Mi", "cpu": "50m"}, {"wallClock": "1s"}]),
)
SETTINGS = st.fixed_dictionaries(
    {
        "hostUsers": st.booleans(),
        "pods": st.fixed_dictionaries(
            {"sandbox_image": st.just("registry.example/sandbox@sha256:" + "b" * 64)},
            optional={
                "cpu_request_fraction": st.sampled_from([0.001, 0.1, 1.0]),
                "node_selector": st.just({"pool": "jobs"}),
                "priority_class_name": st.just("low"),
                "image_pull_secrets": st.just(("registry",)),
            },
        ),
    }
)
JOB_NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?){0,4}", fullmatch=True)


def job(name: str, spec: Json) -> Json:
    """Return a job as the API server stores it."""
    return {"metadata": {"name": name, "namespace": "lab", "uid": "0f9d2c1e-3b4a-4c5d-8e6f-7a8b9c0d1e2f"}, "spec": spec}


def pods() -> st.SearchStrategy[Json]:
    """Return a strategy for Pods."""
    drawn = st.builds(_pod, JOB_NAMES, manifests.valid_spec(), ENVIRONMENTS, SETTINGS)
    return drawn.filter(lambda pod: pod is not None)


def _pod(name: str, spec: Json, environment: Json, settings: Json) -> Json | None:
    try:
        return rendering.pod_of(job(name, spec), environment, settings)
    except Refused:
        return None
