"""Inputs from a web server, which is a Pod with a certificate of its own, by an egress profile."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from .conftest import PATIENCE, Cluster, Json, job
from .network import deploy, namespace, pod, ranges
from .results import assert_failed, fetch, manifest_of, sha256

pytestmark = [pytest.mark.cluster, pytest.mark.alone, pytest.mark.timeout(3600)]  # changes the settings of the one operator

HOST, PORT = "files.example", 8443
CONTENT = b"a,b\n1,2\n"
SERVER = f"""
import http.server, os, ssl

def held(text):
    descriptor = os.memfd_create("held")
    os.write(descriptor, text.encode())
    return f"/proc/self/fd/{{descriptor}}"

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = {{"/data.csv": 200, "/elsewhere": 302, "/refused": 403}}.get(self.path, 404)
        content = {CONTENT!r} if status == 200 else b""
        self.send_response(status)
        self.send_header("Location", "/data.csv")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(held(CERT), held(KEY))
server = http.server.ThreadingHTTPServer(("", {PORT}), Answer)
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A certificate of the host, its own authority, and the key."""
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key", folder / "cert"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    command += ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    return cert.read_text(), key.read_text()


@pytest.fixture(scope="module")
def server(environ: dict[str, str], images: Any, certificate: tuple[str, str]) -> Iterator[str]:
    """The address of a web server in a namespace that has nothing to do with jobs."""
    place = namespace()
    code = "CERT, KEY = {!r}, {!r}\n".format(*certificate) + SERVER
    place.create(pod("server", images["environments"]["python"]["reference"], code, PORT))
    place.kubectl("wait", "pod/server", "--for=condition=Ready", f"--timeout={PATIENCE}s")
    yield place.get("pod", "server")["status"]["podIP"]
    place.kubectl("delete", "namespace", place.namespace, "--wait=false")


@pytest.fixture(scope="module", autouse=True)
def _profiles(server: str, certificate: tuple[str, str], cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Two profiles that open the server; one of them knows who certifies it."""
    without = {
        "cidrs": [f"{server}/32"],
        "ports": [PORT],
        "namespaces": [cluster.namespace],
        "hosts": {HOST: server},
        "cluster": True,
    }
    path = tmp_path_factory.mktemp("values") / "network.yaml"
    profiles = {"files": without | {"ca": certificate[0]}, "public": without}
    path.write_text(yaml.safe_dump({"network": {"clusterRanges": ranges(), "profiles": profiles}}))
    deploy(path)
    yield
    deploy()


def asking(name: str, path: str = "data.csv", profile: str = "files", authority: str = f"{HOST}:{PORT}", **wanted: str) -> Json:
    """Return a job that takes one file of the server."""
    item = {"name": "in.csv", "https": {"url": f"https://{authority}/{path}"}, "sha256": sha256(CONTENT)} | wanted
    code = "import shutil\nshutil.copyfile('/inputs/in.csv', '/outputs/out.csv')"
    return job(name, code, inputs=[item], egress={"profile": profile, "reason": "the reference data"}, previews="Off")


def test_a_file_of_the_web_arrives_and_the_way_is_recorded(cluster: Cluster, store: Any) -> None:
    done = cluster.run(asking("web"))
    assert done["status"]["phase"] == "Succeeded", done["status"]
    assert fetch(store, done["status"]["result"]["artifacts"][0]["uri"]) == CONTENT
    assert done["status"]["egress"]["profile"] == "files"
    assert [(file["name"], file["digest"]) for file in manifest_of(store, done)["inputs"]] == [("in.csv", sha256(CONTENT))]


FAILING: dict[str, tuple[Json, str, str, str]] = {
    "missing": ({"path": "none"}, "DEPENDENCY_ERROR", "InputMissing", "404"),
    "refused": ({"path": "refused"}, "DEPENDENCY_ERROR", "InputUnavailable", "403"),
    "elsewhere": ({"path": "elsewhere"}, "DEPENDENCY_ERROR", "InputUnavailable", "not followed"),
    "digest": ({"sha256": "0" * 64}, "VALIDATION_ERROR", "InputDigestMismatch", "another digest"),
    "authority": ({"profile": "public"}, "DEPENDENCY_ERROR", "InputUnavailable", "certificate"),
    "host": ({"authority": f"other.example:{PORT}"}, "VALIDATION_ERROR", "EgressNotAllowed", HOST),
    "port": ({"authority": HOST}, "VALIDATION_ERROR", "EgressNotAllowed", "443"),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_the_web_does_not_give_is_named(cluster: Cluster, server: str, name: str) -> None:
    change, category, reason, said = FAILING[name]
    done = cluster.run(asking(f"web-{name}", **change))
    failure = assert_failed(done, category, reason)
    assert failure["evidence"]["entry"] == "in.csv"
    assert said in failure["message"]
    assert server not in failure["message"]
    assert not (done["status"].get("result") or {}).get("artifacts")


def test_without_a_way_out_there_is_no_web(cluster: Cluster) -> None:
    document = asking("web-shut")
    del document["spec"]["egress"]
    failure = assert_failed(cluster.run(document), "VALIDATION_ERROR", "EgressNotAllowed")
    assert "spec.egress" in failure["message"]
