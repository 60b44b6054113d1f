"""The main job, end to end: manifests in, verified artifacts and a true status out."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest

from .conftest import PATIENCE, Cluster, Json, job

pytestmark = pytest.mark.cluster

INTERNAL = ("/opt/fumehood", "/run/fumehood", "/usr/lib", "/usr/local/lib", "python3.1", "site-packages/")


def fetch(store: Any, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    response = store.get_object(bucket, key)
    try:
        return bytes(response.read())
    finally:
        response.close()
        response.release_conn()


def sha256(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def manifest_of(store: Any, done: Json) -> Json:
    raw = fetch(store, done["status"]["result"]["manifest"]["uri"])
    assert sha256(raw) == done["status"]["result"]["manifest"]["digest"]
    document: Json = json.loads(raw)
    return document


def assert_failed(done: Json, category: str, reason: str) -> Json:
    status = done["status"]
    failure: Json = status.get("failure") or {}
    assert (status["phase"], failure.get("category"), failure.get("reason")) == ("Failed", category, reason), status
    succeeded = next(c for c in status["conditions"] if c["type"] == "Succeeded")
    assert (succeeded["status"], succeeded["reason"]) == ("False", reason)
    assert not [path for path in INTERNAL if path in failure["message"]], failure["message"]
    return failure


def test_success_seals_every_artifact_with_its_digest(cluster: Cluster, store: Any) -> None:
    code = """
import json, os, sys
os.makedirs("/outputs/tables")
open("/outputs/plot.png", "wb").write(bytes.fromhex("89504e470d0a1a0a") + b"0" * 100)
open("/outputs/tables/a.csv", "w").write("x,y\\n1,2\\n")
json.dump({"args": sys.argv[1:], "parameters": json.load(open("/inputs/parameters.json"))}, open("/outputs/seen.json", "w"))
print("to stdout"); print("to stderr", file=sys.stderr)
"""
    done = cluster.run(job("success", code, args=["--fast", "a b"], parameters={"n": [1, None, "ü"]}))
    status = done["status"]
    assert status["phase"] == "Succeeded"
    assert status["observedGeneration"] == done["metadata"]["generation"]
    assert status["envVersion"].startswith("python-")
    artifacts = {artifact["name"]: artifact for artifact in status["result"]["artifacts"]}
    assert {name: (a["kind"], a["format"]) for name, a in artifacts.items()} == {
        "plot.png": ("plot", "png"),
        "tables/a.csv": ("dataset", "csv"),
        "seen.json": ("dataset", "json"),
    }
    for artifact in artifacts.values():
        raw = fetch(store, artifact["uri"])
        assert (sha256(raw), len(raw)) == (artifact["digest"], artifact["size"])
    assert json.loads(fetch(store, artifacts["seen.json"]["uri"])) == {"args": ["--fast", "a b"], "parameters": {"n": [1, None, "ü"]}}
    assert fetch(store, status["result"]["logs"]["stdout"]["uri"]) == b"to stdout\n"
    assert fetch(store, status["result"]["logs"]["stderr"]["uri"]) == b"to stderr\n"
    assert manifest_of(store, done)["complete"] is True
    assert set(status["times"]) == {"queued", "started", "staged", "ended", "harvested", "finished"}
    assert set(status["durations"]) == {"queue", "start", "run", "harvest", "total"}
    assert status["sandbox"]["seccomp"] is True
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Finished": "True",
        "Succeeded": "True",
        "ArtifactsComplete": "True",
        "NetworkIsolated": "True",
    }


def test_nothing_is_left_of_a_finished_attempt(cluster: Cluster) -> None:
    done = cluster.run(job("tidy", "print(1)"))
    selector = f"fumehood.dev/job-uid={done['metadata']['uid']}"
    cluster.until(lambda: not cluster.get("pods,secrets", "-l", selector)["items"], "Pod and Secret are deleted")


def test_bug_shows_the_users_line_and_no_internal_path(cluster: Cluster, store: Any) -> None:
    done = cluster.run(job("bug", "import json\nopen('/outputs/part.txt', 'w').write('so far')\njson.loads('{broken')\n"))
    failure = assert_failed(done, "USER_CODE_ERROR", "NonZeroExit")
    assert "json.loads('{broken')" in failure["message"]
    assert "JSONDecodeError" in failure["message"]
    assert failure["evidence"]["exitCode"] == 1
    assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["part.txt"]


LIMITS = {
    "memory": ("hoard = []\nwhile True: hoard.append(bytearray(4 << 20))", {"memory": "96Mi"}, "OutOfMemory"),
    # What these two leave of time is far more than Python takes to come to its first line.
    "wallClock": ("import time\ntime.sleep(600)", {"wallClock": "10s"}, "WallClockExceeded"),
    "cpuTime": ("while True: pass", {"cpuTime": "3s"}, "CpuTimeExceeded"),
    "output": ("while True: print('x' * 1000)", {"output": "64Ki"}, "OutputExceeded"),
    "disk": ("f = open('/tmp/big', 'wb')\nwhile True: f.write(bytes(1 << 20)); f.flush()", {"disk": "32Mi"}, "DiskExceeded"),
    "processes": (
        "import os\nfor _ in range(40):\n  if os.fork() == 0: os.read(os.pipe()[0], 1)",
        {"processes": 8},
        "ProcessesExceeded",
    ),
    "openFiles": (
        "import os, time\ntry:\n  while True: os.open('/dev/null', 0)\nexcept OSError: time.sleep(600)",
        {"openFiles": 64},
        "OpenFilesExceeded",
    ),
    "fileSize": ("open('/tmp/big', 'wb').write(bytes(9 << 20))", {"fileSize": "1Mi"}, "FileSizeExceeded"),
    "files": ("i = 0\nwhile True:\n  i += 1\n  open(f'/tmp/{i}', 'w')", {"files": 500}, "FilesExceeded"),
    "artifacts": ("for i in range(9): open(f'/outputs/{i}', 'w').write('x')", {"artifacts": 3}, "TooManyArtifacts"),
    "artifactBytes": ("open('/outputs/a', 'wb').write(bytes(9000))", {"artifactBytes": "8Ki"}, "ArtifactBytesExceeded"),
}


@pytest.mark.parametrize("limit", LIMITS)
def test_each_limit_is_a_wall_that_says_its_name(cluster: Cluster, store: Any, limit: str) -> None:
    code, limits, reason = LIMITS[limit]
    done = cluster.run(job(f"limit-{limit.lower()}", "open('/outputs/0-before.txt', 'w').write('kept')\n" + code, limits=limits))
    failure = assert_failed(done, "RESOURCE_LIMIT", reason)
    assert failure["evidence"]["limit"] == limit
    assert failure["evidence"]["allowed"]
    assert failure["evidence"]["measured"]
    kept = {artifact["name"]: artifact for artifact in done["status"]["result"]["artifacts"]}
    assert fetch(store, kept["0-before.txt"]["uri"]) == b"kept"
    assert done["status"]["result"]["manifest"]["complete"] is False


SOCKETS = ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET"]


def test_every_socket_but_unix_is_refused_and_a_violation(cluster: Cluster, store: Any) -> None:
    code = f"""
import socket
for name in {SOCKETS!r}:
    try:
        socket.socket(getattr(socket, name), socket.SOCK_RAW if name in ("AF_NETLINK", "AF_PACKET") else socket.SOCK_STREAM)
        print("OPEN", name)
    except OSError as error:
        print("refused", name, error.errno)
try:
    socket.socket(socket.AF_VSOCK)  # refused by the runtime's own profile, which tells nobody
    print("OPEN vsock")
except OSError as error:
    print("refused", error.errno)
a, b = socket.socketpair()
a.send(b"x"); print("unix works", b.recv(1))
"""
    done = cluster.run(job("sockets", code))
    failure = assert_failed(done, "SANDBOX_VIOLATION", "SystemCallRefused")
    assert failure["evidence"]["systemCalls"] == {"socket": len(SOCKETS)}
    printed = fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]).decode()
    assert "OPEN" not in printed
    assert "unix works b'x'" in printed


def test_a_link_in_the_outputs_cannot_be_made(cluster: Cluster, store: Any) -> None:
    code = """
import os
try:
    os.symlink("/proc/self/environ", "/outputs/link")
except PermissionError:
    open("/outputs/good.txt", "w").write("good")
"""
    done = cluster.run(job("link", code))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["good.txt"]


def test_harmless_odd_entries_are_refused_one_by_one(cluster: Cluster, store: Any) -> None:
    code = """
import os
open("/outputs/good.txt", "w").write("good"); os.chmod("/outputs/good.txt", 0o600)
os.link("/outputs/good.txt", "/outputs/same")
open("/outputs/bad\\nname", "w").write("x")
"""
    done = cluster.run(job("odd", code))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["good.txt"]
    assert {entry["reason"] for entry in manifest_of(store, done)["rejected"]} == {"HardLink", "NameNotAllowed"}
    complete = next(c for c in done["status"]["conditions"] if c["type"] == "ArtifactsComplete")
    assert complete["status"] == "False"


def test_a_daemon_does_not_outlive_its_program(cluster: Cluster, store: Any) -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            open("/outputs/log.txt", "a").write("x")
    os._exit(0)
while not os.path.exists("/outputs/log.txt"):
    time.sleep(0.05)
"""
    done = cluster.run(job("daemon", code))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    (artifact,) = done["status"]["result"]["artifacts"]
    raw = fetch(store, artifact["uri"])
    assert (sha256(raw), len(raw)) == (artifact["digest"], artifact["size"])


def test_numerical_libraries_find_what_they_need(cluster: Cluster, store: Any) -> None:
    code = """
import joblib, numpy, sklearn.ensemble
a = numpy.random.default_rng(0).random((300, 300))
assert numpy.allclose(a @ numpy.linalg.inv(a), numpy.eye(300))
sklearn.ensemble.RandomForestClassifier(8, n_jobs=2).fit(a, a[:, 0] > 0.5)
assert joblib.Parallel(2)(joblib.delayed(abs)(-n) for n in range(4)) == [0, 1, 2, 3]
"""
    done = cluster.run(job("libraries", code))
    assert done["status"]["phase"] == "Succeeded", done["status"]


def test_inputs_come_from_the_manifest_and_from_the_store(cluster: Cluster, store: Any, environ: dict[str, str]) -> None:
    data = b"a,b\n1,2\n"
    key = f"inputs/{cluster.namespace}/table.csv"
    store.put_object(environ["S3_BUCKET"], key, io.BytesIO(data), len(data))
    uri = f"s3://{environ['S3_BUCKET']}/{key}"
    code = """
import shutil
for name in ("note.txt", "deep/er/table.csv"):
    shutil.copy("/inputs/" + name, "/outputs/" + name.split("/")[-1])
try:
    open("/inputs/note.txt", "a").write("x")
except OSError as error:
    print("read-only", error.errno)
"""
    inputs = [
        {"name": "note.txt", "inline": {"text": "grüße"}, "sha256": hashlib.sha256("grüße".encode()).hexdigest()},
        {"name": "deep/er/table.csv", "s3": {"uri": uri}, "sha256": sha256(data)},
    ]
    done = cluster.run(job("inputs", code, inputs=inputs))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    kept = {artifact["name"]: fetch(store, artifact["uri"]) for artifact in done["status"]["result"]["artifacts"]}
    assert kept == {"note.txt": "grüße".encode(), "table.csv": data}
    assert fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]).startswith(b"read-only")


def test_a_program_from_the_store(cluster: Cluster, store: Any, environ: dict[str, str]) -> None:
    code = b"print('from the store')"
    key = f"inputs/{cluster.namespace}/main.py"
    store.put_object(environ["S3_BUCKET"], key, io.BytesIO(code), len(code))
    document = job("from-store", "")
    document["spec"]["source"] = {"entrypoint": "main.py", "s3": {"uri": f"s3://{environ['S3_BUCKET']}/{key}", "sha256": sha256(code)}}
    done = cluster.run(document)
    assert done["status"]["phase"] == "Succeeded", done["status"]


def test_a_program_from_a_config_map(cluster: Cluster, store: Any) -> None:
    data = {"main.py": "import helper\nprint(helper.WORD)", "helper.py": "WORD = 'hello'"}
    cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "program"}, "data": data})
    document = job("from-map", "")
    document["spec"]["source"] = {"entrypoint": "main.py", "configMap": {"name": "program"}}
    done = cluster.run(document)
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]) == b"hello\n"


def _wrong_digest(document: Json, bucket: str) -> None:
    document["spec"]["inputs"] = [{"name": "a.txt", "inline": {"text": "a"}, "sha256": "0" * 64}]


def _missing_object(document: Json, bucket: str) -> None:
    document["spec"]["inputs"] = [{"name": "a.txt", "s3": {"uri": f"s3://{bucket}/inputs/not-there"}}]


def _foreign_result(document: Json, bucket: str) -> None:
    uri = f"s3://{bucket}/other/01234567-89ab-cdef-0123-456789abcdef/1/manifest.json"
    document["spec"]["inputs"] = [{"name": "a.txt", "s3": {"uri": uri}}]


def _other_bucket(document: Json, bucket: str) -> None:
    document["spec"]["inputs"] = [{"name": "a.txt", "s3": {"uri": "s3://somebody-elses/a"}}]


def _missing_map(document: Json, bucket: str) -> None:
    document["spec"]["source"] = {"entrypoint": "main.py", "configMap": {"name": "not-there"}}


def _unknown_environment(document: Json, bucket: str) -> None:
    document["spec"]["environment"] = "cobol"


def _newer_major(document: Json, bucket: str) -> None:
    document["spec"]["schemaVersion"] = "2.0"


def _above_maximum(document: Json, bucket: str) -> None:
    document["spec"]["limits"] = {"memory": "100Ti"}


REFUSED = {
    "wrong-digest": (_wrong_digest, "VALIDATION_ERROR", "InputDigestMismatch", "a.txt"),
    "missing-object": (_missing_object, "DEPENDENCY_ERROR", "InputMissing", "a.txt"),
    "foreign-result": (_foreign_result, "VALIDATION_ERROR", "InputNotAllowed", "another namespace"),
    "other-bucket": (_other_bucket, "VALIDATION_ERROR", "InputNotAllowed", "somebody-elses"),
    "missing-map": (_missing_map, "DEPENDENCY_ERROR", "SourceMissing", "not-there"),
    "environment": (_unknown_environment, "VALIDATION_ERROR", "EnvironmentUnknown", "cobol"),
    "major": (_newer_major, "VALIDATION_ERROR", "SchemaVersionUnsupported", "2.0"),
    "maximum": (_above_maximum, "VALIDATION_ERROR", "LimitAboveMaximum", "spec.limits.memory"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_run_says_why_and_names_it(cluster: Cluster, environ: dict[str, str], name: str) -> None:
    change, category, reason, shown = REFUSED[name]
    document = job(f"refused-{name}", "open('/outputs/ran', 'w')")
    change(document, environ["S3_BUCKET"])
    done = cluster.run(document)
    failure = assert_failed(done, category, reason)
    assert shown in failure["message"]
    assert not (done["status"].get("result") or {}).get("artifacts")


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


def test_a_thousand_artifacts_make_a_short_status_and_a_full_manifest(cluster: Cluster, store: Any) -> None:
    code = "for i in range(1000): open(f'/outputs/{i:04}.txt', 'w').write(str(i % 10))"
    done = cluster.run(job("thousand", code, limits={"artifacts": 1000}))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert done["status"]["result"]["artifactCount"] == 1000
    assert len(done["status"]["result"]["artifacts"]) == 50
    assert len(json.dumps(done["status"])) < 64_000
    assert len(manifest_of(store, done)["artifacts"]) == 1000


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
