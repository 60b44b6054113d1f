"""The sandbox as its inmates and its neighbours find it, at each level."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import PATIENCE, Cluster, Json, job
from .results import assert_failed, fetch, manifest_of

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(3600)]  # gVisor may have to be built first

LOOK_AROUND = """
import json, os
def read(path):
    try:
        return open(path, "rb").read(2000).decode(errors="replace")
    except OSError as error:
        return f"refused: {error.strerror}"
seen = {
    "environment": dict(os.environ), "uid": os.getuid(),
    "runner": [read("/proc/1/environ"), read("/proc/1/cmdline")], "token": read("/var/run/secrets/kubernetes.io/serviceaccount/token"),
    "order": read("/run/fumehood/order.json"), "status": read("/proc/self/status"), "descriptors": sorted(os.listdir("/proc/self/fd")),
}
writable = []
for path in ("/", "/work", "/inputs", "/opt/fumehood", "/etc", "/usr", "/var", "/run", "/outputs", "/tmp", os.environ["HOME"], "/dev/shm"):
    try:
        open(path + "/.probe", "w").close(); os.unlink(path + "/.probe"); writable.append(path)
    except OSError:
        pass
seen["writable"] = writable
json.dump(seen, open("/outputs/seen.json", "w"))
"""


def seen_from_inside(cluster: Cluster, store: Any, name: str, environment: str) -> Json:
    done = cluster.run(job(name, LOOK_AROUND, environment=environment))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    seen: Json = json.loads(fetch(store, done["status"]["result"]["artifacts"][0]["uri"]))
    return seen | {"sandbox": done["status"]["sandbox"]}


@pytest.mark.parametrize("level", ["userns", "runc", "gvisor"])
class TestLevels:
    def test_nothing_of_the_platform_is_within_reach(self, cluster: Cluster, store: Any, levels: dict[str, str], level: str) -> None:
        seen = seen_from_inside(cluster, store, f"look-{level}", levels[level])
        assert seen["sandbox"]["level"] == level
        # Of the three kernels, gVisor's alone has no Landlock, and alone need not.
        assert seen["sandbox"]["landlockABI"] == 0 if level == "gvisor" else seen["sandbox"]["landlockABI"] >= 3
        assert seen["writable"] == ["/outputs", "/tmp", "/home/analyst", "/dev/shm"]
        assert not {name for name in seen["environment"] if name.startswith(("KUBERNETES", "AWS", "S3", "FUMEHOOD", "MINIO"))}
        assert seen["uid"] != 0
        assert seen["token"].startswith("refused")
        assert seen["order"].startswith("refused")
        assert seen["runner"][0].startswith("refused")
        assert "Seccomp:\t2" in seen["status"]
        # Standard streams, and the folder that is being listed.
        assert seen["descriptors"] == ["0", "1", "2", "3"]

    def test_a_socket_stays_shut(self, cluster: Cluster, store: Any, levels: dict[str, str], level: str) -> None:
        # A thread that lives on must not keep the program from ending where its end is the answer.
        code = "import socket, threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
        code += "try:\n    socket.socket()\n    print('OPEN')\nexcept OSError as error:\n    print('shut')\n"
        done = cluster.run(job(f"socket-{level}", code, environment=levels[level]))
        failure = assert_failed(done, "SANDBOX_VIOLATION", "SystemCallRefused")
        # gVisor's kernel has no way to report a refused call, so there the call ends the program.
        counted = level != "gvisor"
        assert failure["evidence"]["systemCalls"] == ({"socket": 1} if counted else {"unknown": 1})
        assert fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]) == (b"shut\n" if counted else b"")

    def test_memory_is_a_wall_and_what_was_written_is_kept(self, cluster: Cluster, store: Any, levels: dict[str, str], level: str) -> None:
        # Under gVisor the limit is watched, not a wall of the kernel's: a program that grows
        # faster than the watch looks takes its whole sandbox along, and what it wrote. So it
        # grows slowly there: what the runner has beside the limit lasts for more than a second.
        pause = 0.1 if level == "gvisor" else 0
        code = f"""
import time
open('/outputs/before.txt', 'w').write('kept')
hoard = []
while True:
    hoard.append(bytearray(4 << 20))
    time.sleep({pause})
"""
        done = cluster.run(job(f"memory-{level}", code, environment=levels[level], limits={"memory": "128Mi"}))
        assert_failed(done, "RESOURCE_LIMIT", "OutOfMemory")
        assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["before.txt"]

    def test_cancel_is_heard(self, cluster: Cluster, store: Any, levels: dict[str, str], level: str) -> None:
        name = f"cancel-{level}"
        code = "import time\nopen('/outputs/part.txt', 'w').write('so far')\nprint('up', flush=True)\ntime.sleep(600)\n"
        cluster.printed(cluster.create(job(name, code, environment=levels[level])), "up")
        cluster.kubectl("patch", "analysisjob", name, "--type=merge", "-p", json.dumps({"spec": {"cancel": True}}))
        done = cluster.wait(name)
        assert done["status"]["phase"] == "Cancelled", done["status"]
        assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["part.txt"]

    def test_the_runner_survives_its_ward(self, cluster: Cluster, store: Any, levels: dict[str, str], level: str) -> None:
        code = """
import os, signal
open("/outputs/before.txt", "w").write("kept")
for number in signal.valid_signals():
    try:
        os.kill(1, number)
    except OSError:
        pass
print("done", flush=True)
"""
        done = cluster.run(job(f"signals-{level}", code, environment=levels[level]))
        assert done["status"]["phase"] in ("Succeeded", "Failed"), done["status"]
        failure = done["status"].get("failure") or {}
        assert failure.get("category", "SANDBOX_VIOLATION") == "SANDBOX_VIOLATION", done["status"]
        assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["before.txt"]


ESCAPES = {
    "absolute": "os.symlink('/proc/self/environ', '/outputs/link')",
    "upward": "os.symlink('../../etc/passwd', '/outputs/link')",
    "folder": "os.symlink('/', '/outputs/link')",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_a_link_outward_is_a_violation_and_never_followed(cluster: Cluster, levels: dict[str, str], name: str) -> None:
    """Where a program can make one: elsewhere Landlock keeps it from that."""
    code = f"import os\n{ESCAPES[name]}\nopen('/outputs/good.txt', 'w').write('good')"
    done = cluster.run(job(f"escape-{name}", code, environment=levels["gvisor"]))
    failure = assert_failed(done, "SANDBOX_VIOLATION", "ArtifactRejected")
    assert failure["evidence"]["entry"] == "link"
    assert [a["name"] for a in done["status"]["result"]["artifacts"]] == ["good.txt"]


def test_violations_that_are_but_recorded_fail_nothing(cluster: Cluster, store: Any, levels: dict[str, str]) -> None:
    code = "import socket\ntry:\n    socket.socket()\nexcept OSError as error:\n    print('shut')\n"
    for level in ("runc", "gvisor"):
        environment = cluster.get("analysisenvironment", levels[level])
        environment["metadata"] = {"name": f"record-{level}-{cluster.namespace}"}
        environment["spec"]["onViolation"] = "Record"
        cluster.create(environment)
        try:
            done = cluster.run(job(f"record-{level}", code, environment=environment["metadata"]["name"]))
        finally:
            cluster.kubectl("delete", "analysisenvironment", environment["metadata"]["name"])
        assert done["status"]["phase"] == "Succeeded", done["status"]
        assert fetch(store, done["status"]["result"]["logs"]["stdout"]["uri"]) == b"shut\n"
        assert manifest_of(store, done)["claim"]["violations"] == ({"socket": 1} if level == "runc" else {})


def test_required_user_namespaces_fail_closed_where_there_are_none(cluster: Cluster, levels: dict[str, str]) -> None:
    environment = cluster.get("analysisenvironment", levels["gvisor"])
    environment["metadata"] = {"name": f"strict-{cluster.namespace}"}
    environment["spec"]["userNamespaces"] = "Required"
    cluster.create(environment)
    try:
        done = cluster.run(job("strict", "print(1)", environment=environment["metadata"]["name"]))
    finally:
        cluster.kubectl("delete", "analysisenvironment", environment["metadata"]["name"])
    failure = assert_failed(done, "INTERNAL_ERROR", "SandboxUnavailable")
    assert failure["evidence"]["missing"] == ["userNamespaces"]


# A Pod may start before its policy is in force (which is why the child has no sockets
# at all), so what shall be shut is asked until it is; then everything is asked once.
PROBE = """
import socket, sys, time
def ask(target):
    host, port = target.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        return "open"
    except OSError:
        return "shut"
end = time.monotonic() + 200
while ask(sys.argv[1]) == "open" and time.monotonic() < end:
    time.sleep(0.2)
for target in sys.argv[1:]:
    print(target, ask(target))
"""


def test_the_policy_leaves_one_way_out(cluster: Cluster, environ: dict[str, str], images: Any) -> None:
    """A Pod with a job's labels, free to open sockets, reaches the store and nothing else."""
    cluster.run(job("make-policy", "print(1)"))
    store = urlsplit(environ["S3_ENDPOINT"])
    running = ("pods", "-l", "app.kubernetes.io/name=fumehood", "--field-selector=status.phase=Running")
    operator = Cluster("fumehood-system").get(*running)["items"][0]["status"]["podIP"]
    api = cluster.get("service", "kubernetes", "--namespace=default")["spec"]["clusterIP"]
    targets = {f"{api}:443": "shut", f"{operator}:9090": "shut", "203.0.113.7:80": "shut", f"{store.hostname}:{store.port}": "open"}
    context = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
    container = {
        "name": "probe",
        "image": images["environments"]["python"]["reference"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", PROBE, *targets],
        "securityContext": context,
    }
    spec = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 20_000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    metadata = {"name": "probe", "labels": {"fumehood.dev/job-uid": "probe"}}
    cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    cluster.kubectl("wait", "pod/probe", "--for=jsonpath={.status.phase}=Succeeded", f"--timeout={PATIENCE}s")
    found = dict(line.split() for line in cluster.kubectl("logs", "probe").stdout.splitlines())
    assert found == targets
