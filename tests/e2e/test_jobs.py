"""The main job, end to end: manifests in, verified artifacts and a true status out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Cluster, job
from .results import assert_failed, fetch, manifest_of, sha256

pytestmark = pytest.mark.cluster


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


def test_a_thousand_artifacts_make_a_short_status_and_a_full_manifest(cluster: Cluster, store: Any) -> None:
    code = "for i in range(1000): open(f'/outputs/{i:04}.txt', 'w').write(str(i % 10))"
    done = cluster.run(job("thousand", code, limits={"artifacts": 1000}))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert done["status"]["result"]["artifactCount"] == 1000
    assert len(done["status"]["result"]["artifacts"]) == 50
    assert len(json.dumps(done["status"])) < 64_000
    assert len(manifest_of(store, done)["artifacts"]) == 1000
