"""The API server's own admission, over Pods as the generator makes them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from golden import generated

from .conftest import Cluster, Json

pytestmark = pytest.mark.cluster

PODS = 60


def offered(cluster: Cluster, pods: list[Json]) -> str:
    """Offer Pods to the API server without creating one; return what it says against them."""
    listed = {"apiVersion": "v1", "kind": "List", "items": pods}
    done = cluster.kubectl("create", "--dry-run=server", "-f", "-", "-o", "name", stdin=json.dumps(listed), check=False)
    assert done.returncode or len(done.stdout.splitlines()) == len(pods)
    return done.stderr


def here(cluster: Cluster, pod: Json) -> Json:
    """Return a Pod for this namespace, without what this cluster does not have and Pod Security does not look at."""
    spec = {name: value for name, value in pod["spec"].items() if name not in ("runtimeClassName", "priorityClassName")}
    return pod | {"metadata": pod["metadata"] | {"namespace": cluster.namespace}, "spec": spec}


def test_any_pod_is_admitted_where_restricted_is_enforced(cluster: Cluster) -> None:
    pods: list[Json] = []

    @settings(max_examples=PODS)
    @given(generated.pods())
    def collect(pod: Json) -> None:
        pods.append(here(cluster, pod))

    collect()
    assert len(pods) >= PODS
    assert offered(cluster, pods) == ""


def test_one_that_is_not_restricted_is_refused(cluster: Cluster) -> None:
    pods: list[Json] = []
    settings(max_examples=1)(given(generated.pods())(lambda pod: pods.append(here(cluster, pod))))()
    del pods[0]["spec"]["containers"][0]["securityContext"]["capabilities"]
    assert 'violates PodSecurity "restricted' in offered(cluster, pods[:1])
