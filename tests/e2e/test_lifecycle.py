"""Jobs that are cancelled, deleted, orphaned or many."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import PATIENCE, Cluster, job
from .results import assert_failed, fetch

pytestmark = pytest.mark.cluster


def test_cancel_stops_harvests_and_is_final(cluster: Cluster, store: Any) -> None:
    code = "import time\nopen('/outputs/part.txt', 'w').write('so far')\nprint('up', flush=True)\ntime.sleep(600)\n"
    cluster.printed(cluster.create(job("cancel", code)), "up")
    patch = json.dumps({"spec": {"cancel": True}})
    cluster.kubectl("patch", "analysisjob", "cancel", "--type=merge", "-p", patch)
    done = cluster.wait("cancel")
    assert done["status"]["phase"] == "Cancelled", done["status"]
    assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["part.txt"]
    assert done["status"]["result"]["manifest"]["complete"] is False


def test_cancelled_at_birth_never_gets_a_pod(cluster: Cluster) -> None:
    done = cluster.run(job("stillborn", "print(1)", cancel=True))
    assert done["status"]["phase"] == "Cancelled"
    assert "attempt" not in done["status"]


def test_time_to_live_removes_the_resource_but_not_the_artifacts(cluster: Cluster, store: Any, environ: dict[str, str]) -> None:
    created = cluster.create(job("short-lived", "open('/outputs/a.txt', 'w').write('kept')", ttlSecondsAfterFinished=3))
    missing = ("get", "analysisjob", "short-lived", "--ignore-not-found", "-o", "name")
    cluster.until(lambda: not cluster.kubectl(*missing).stdout, "the resource is gone")
    # It may be gone before anybody could read its status.
    bucket, attempt = environ["S3_BUCKET"], f"{cluster.namespace}/{created['metadata']['uid']}/1/"
    manifest = json.loads(fetch(store, f"s3://{bucket}/{attempt}manifest.json"))
    assert [artifact["name"] for artifact in manifest["artifacts"]] == ["a.txt"]
    assert fetch(store, f"s3://{bucket}/{manifest['artifacts'][0]['key']}") == b"kept"


def test_a_deleted_job_takes_its_pod_along(cluster: Cluster) -> None:
    created = cluster.create(job("deleted", "import time\ntime.sleep(600)"))
    selector = f"fumehood.dev/job-uid={created['metadata']['uid']}"
    cluster.until(lambda: cluster.get("pods", "-l", selector)["items"], "the Pod is there")
    cluster.kubectl("delete", "analysisjob", "deleted")
    cluster.until(lambda: not cluster.get("pods,secrets", "-l", selector)["items"], "Pod and Secret are gone")


def test_a_deleted_pod_ends_its_job(cluster: Cluster) -> None:
    created = cluster.create(job("pod-deleted", "import time\ntime.sleep(600)"))
    selector = f"fumehood.dev/job-uid={created['metadata']['uid']}"
    cluster.until(lambda: cluster.get("analysisjob", "pod-deleted").get("status", {}).get("phase") == "Running", "the job runs")
    cluster.kubectl("delete", "pods", "-l", selector, "--wait=false")
    done = cluster.wait("pod-deleted")
    # A deletion may take the collector's last word along: the kubelet then reports
    # "ContainerStatusUnknown". Either way the job ends, and says that it was not the program.
    reason = done["status"]["failure"]["reason"]
    assert reason in ("PodStopped", "PodLost")
    assert_failed(done, "INTERNAL_ERROR", reason)


def test_the_policy_is_there_before_the_pod(cluster: Cluster) -> None:
    cluster.run(job("policed", "print(1)"))
    policy = cluster.get("networkpolicy", "fumehood-jobs")
    assert set(policy["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    assert "ingress" not in policy["spec"]
    assert len(policy["spec"]["egress"]) == 1


def test_a_broken_policy_is_mended_before_the_next_pod(cluster: Cluster) -> None:
    cluster.run(job("before", "print(1)"))
    broken = json.dumps([{"op": "replace", "path": "/spec/egress", "value": [{}]}])
    cluster.kubectl("patch", "networkpolicy", "fumehood-jobs", "--type=json", "-p", broken)
    cluster.run(job("after", "print(1)"))
    assert cluster.get("networkpolicy", "fumehood-jobs")["spec"]["egress"] != [{}]


@pytest.mark.alone
def test_the_operator_killed_in_the_middle_finishes_the_job_once(cluster: Cluster, store: Any) -> None:
    created = cluster.create(job("orphan", "import time\ntime.sleep(10)\nopen('/outputs/a.txt', 'w').write('done')"))
    selector = f"fumehood.dev/job-uid={created['metadata']['uid']}"
    cluster.until(lambda: cluster.get("pods", "-l", selector)["items"], "the Pod is there")
    system = Cluster("fumehood-system")
    system.kubectl("delete", "pods", "-l", "app.kubernetes.io/name=fumehood", "--grace-period=0", "--force")
    done = cluster.wait("orphan")
    system.kubectl("rollout", "status", "deployment/fumehood", f"--timeout={PATIENCE}s")  # for those who need it next
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert done["status"]["attempt"] == 1


def test_a_crowd_all_ends(cluster: Cluster) -> None:
    documents = [job(f"crowd-{i:02}", f"open('/outputs/a.txt', 'w').write('{i}')", limits={"memory": "64Mi"}) for i in range(12)]
    for document in documents:
        cluster.create(document)
    for document in documents:
        assert cluster.wait(document["metadata"]["name"])["status"]["phase"] == "Succeeded"
