"""No network but by a profile, and no job where the network is not shut: on the real cluster's own plug-in."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .conftest import PATIENCE, Cluster, Json, job
from .network import deploy, namespace, pod, ranges
from .results import assert_failed, fetch

pytestmark = [pytest.mark.cluster, pytest.mark.alone, pytest.mark.timeout(3600)]  # changes the settings of the one operator

PORT = 8099
LISTENER = f"""
import http.server
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"hello from outside")
http.server.ThreadingHTTPServer(("", {PORT}), Answer).serve_forever()
"""
# By name, which only the profile's hosts can resolve. A policy may be in force only a while after the Pod started.
CALL = f"""
import time, urllib.request
end = time.monotonic() + 200
while True:
    try:
        answer = urllib.request.urlopen("http://listener.example:{PORT}/", timeout=3).read()
        break
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.5)
open("/outputs/answer.txt", "wb").write(answer)
"""
REACH = "import socket\nsocket.create_connection(({address!r}, {port}), timeout=5)\n"


@pytest.fixture(scope="module")
def listener(environ: dict[str, str], images: Any) -> Iterator[str]:
    """The address of a Pod that answers, in a namespace that has nothing to do with jobs."""
    place = namespace()
    place.create(pod("listener", images["environments"]["python"]["reference"], LISTENER, PORT))
    place.kubectl("wait", "pod/listener", "--for=condition=Ready", f"--timeout={PATIENCE}s")
    yield place.get("pod", "listener")["status"]["podIP"]
    place.kubectl("delete", "namespace", place.namespace, "--wait=false")


@pytest.fixture(scope="module")
def profile(listener: str, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A profile that opens the listener to jobs of this module's namespace; gone afterwards."""
    values = {
        "cidrs": [f"{listener}/32"],
        "ports": [PORT],
        "namespaces": [cluster.namespace],
        "hosts": {"listener.example": listener},
        "cluster": True,
    }
    path = tmp_path_factory.mktemp("values") / "network.yaml"
    path.write_text(yaml.safe_dump({"network": {"clusterRanges": ranges(), "profiles": {"listener": values}}}))
    deploy(path)
    yield "listener"
    deploy()


def condition(found: Json) -> Json:
    """Return what a job knows of its network."""
    conditions = found.get("status", {}).get("conditions", [])
    return next((entry for entry in conditions if entry["type"] == "NetworkIsolated"), {})


def records(uid: str) -> list[Json]:
    """Return what the log of the operator says of a job's ways out; of all its Pods, since an old one may still end."""
    log = Cluster("fumehood-system").kubectl("logs", "--selector=app.kubernetes.io/name=fumehood", "--tail=-1").stdout
    found = [json.loads(line) for line in log.splitlines() if line.startswith("{") and "EgressGranted" in line]
    return [record for record in found if record["uid"] == uid]


class TestAProfile:
    def test_a_job_that_has_it_gets_out_and_it_is_recorded(self, cluster: Cluster, store: Any, profile: str) -> None:
        done = cluster.run(job("out", CALL, egress={"profile": profile, "reason": "to say hello"}))
        assert done["status"]["phase"] == "Succeeded", done["status"]
        assert fetch(store, done["status"]["result"]["artifacts"][0]["uri"]) == b"hello from outside"
        granted = done["status"]["egress"]
        assert (granted["profile"], granted["reason"]) == ("listener", "to say hello")
        assert condition(done)["status"] == "True"
        assert done["status"]["sandbox"]["networkProof"] == "Proved"
        events = cluster.get("events.events.k8s.io")["items"]
        assert [event["reason"] for event in events if event["regarding"].get("uid") == done["metadata"]["uid"]] == ["EgressGranted"]
        (record,) = cluster.until(lambda: records(done["metadata"]["uid"]), "the operator's log has it")
        assert (record["profile"], record["reason"], record["namespace"]) == ("listener", "to say hello", cluster.namespace)
        assert record["manager"].startswith("kubectl")

    def test_a_job_that_has_it_gets_nowhere_else(self, cluster: Cluster, profile: str) -> None:
        api = Cluster("default").get("service", "kubernetes")["spec"]["clusterIP"]
        # Policies come into force a while after the Pod started: what counts is how it ends.
        code = f"""
import socket, time
end = time.monotonic() + 200
while True:
    try:
        socket.create_connection(({api!r}, 443), timeout=3).close()
    except OSError:
        break
    if time.monotonic() > end:
        raise SystemExit("the API server stays open")
    time.sleep(0.5)
"""
        done = cluster.run(job("only-there", code, egress={"profile": profile, "reason": "to try another door"}))
        assert done["status"]["phase"] == "Succeeded", done["status"]

    def test_the_same_job_without_it_cannot(self, cluster: Cluster, listener: str, profile: str) -> None:
        done = cluster.run(job("shut-in", REACH.format(address=listener, port=PORT)))
        assert_failed(done, "SANDBOX_VIOLATION", "SystemCallRefused")
        assert "egress" not in done["status"]

    @pytest.mark.parametrize("name", ["none", "listener-2"])
    def test_one_that_is_not_there_makes_no_pod(self, cluster: Cluster, profile: str, name: str) -> None:
        done = cluster.run(job(f"wrong-{name}", CALL, egress={"profile": name, "reason": "a try"}))
        failure = assert_failed(done, "VALIDATION_ERROR", "EgressNotAllowed")
        assert repr(name) in failure["message"] and "listener" in failure["message"]
        pods = cluster.get("pods", "-l", f"fumehood.dev/job-uid={done['metadata']['uid']}")["items"]
        assert pods == []

    def test_another_namespace_may_not_use_it(self, profile: str) -> None:
        other = namespace()
        try:
            done = other.run(job("elsewhere", CALL, egress={"profile": profile, "reason": "a try"}))
            assert_failed(done, "VALIDATION_ERROR", "EgressNotAllowed")
        finally:
            other.kubectl("delete", "namespace", other.namespace, "--wait=false")


def first_that_waits(place: Cluster) -> Json:
    """Make jobs until one has to wait: the operator hears of a policy a moment after it was made."""

    def waits_or_is_over(name: str) -> Json | None:
        found = place.get("analysisjob", name)
        over = found.get("status", {}).get("phase") in ("Succeeded", "Failed", "Cancelled")
        return found if over or condition(found).get("status") == "False" else None

    def another() -> Json | None:
        name = place.create(job(f"waits-{secrets.token_hex(4)}", "print(1)"))["metadata"]["name"]
        found: Json = place.until(lambda: waits_or_is_over(name), "the job waits or is over")
        return found if condition(found).get("status") == "False" else None

    found: Json = place.until(another, "a job waits")
    return found


def test_a_namespace_that_is_opened_runs_nothing_until_it_is_shut_again(environ: dict[str, str]) -> None:
    place = namespace()
    try:
        first = place.run(job("before", "print(1)"))
        assert first["status"]["phase"] == "Succeeded", first["status"]
        opened = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "allow-all"},
            "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]},
        }
        place.create(opened)
        waiting = first_that_waits(place)
        name = waiting["metadata"]["name"]
        assert waiting["status"]["phase"] == "Pending"
        assert condition(waiting)["reason"] == "TargetReached"
        assert "API server" in condition(waiting)["message"]
        assert not [pod for pod in place.get("pods")["items"] if pod["metadata"]["name"].startswith(name)]
        events = place.get("events.events.k8s.io")["items"]
        assert [event for event in events if event["reason"] == "TargetReached" and event["type"] == "Warning"]
        place.kubectl("delete", "networkpolicy", "allow-all")
        done = place.wait(name)
        assert done["status"]["phase"] == "Succeeded", done["status"]
        assert condition(done)["status"] == "True"
    finally:
        place.kubectl("delete", "namespace", place.namespace, "--wait=false")
