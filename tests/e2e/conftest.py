"""The real cluster: every fixture here fails, never skips, when it is not there."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = 300  # seconds that nothing takes which goes well, on however slow and busy a machine
Json = dict[str, Any]


class Cluster:
    """kubectl on one namespace, with JSON in and out."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl in this namespace; a failure raises with what it printed."""
        done = subprocess.run(
            ["kubectl", "--namespace", self.namespace, *arguments],
            input=stdin,
            text=True,
            capture_output=True,
            check=False,
            timeout=2 * PATIENCE,
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done

    def get(self, *what: str) -> Json:
        """Return an object or a list."""
        document: Json = json.loads(self.kubectl("get", *what, "-o", "json").stdout)
        return document

    def create(self, document: Json) -> Json:
        """Create an object and return it as stored."""
        done = self.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(document))
        created: Json = json.loads(done.stdout)
        return created

    def wait(self, name: str) -> Json:
        """Wait until a job is finished; return it."""
        self.kubectl("wait", f"analysisjob/{name}", "--for=condition=Finished", f"--timeout={PATIENCE}s")
        return self.get("analysisjob", name)

    def run(self, document: Json) -> Json:
        """Create a job and wait for its end; return it."""
        return self.wait(self.create(document)["metadata"]["name"])

    def until(self, probe: Callable[[], Any], what: str) -> Any:
        """Ask `probe` until it returns something."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := probe():
                return found
            time.sleep(0.2)
        raise AssertionError(f"not within {PATIENCE} s: {what}")

    def printed(self, created: Json, word: str) -> None:
        """Wait until a job's program has printed a word: a job is called running before its program has come anywhere."""
        selector = f"fumehood.dev/job-uid={created['metadata']['uid']}"
        log = ("logs", "--selector", selector, "--container", "analysis")
        self.until(lambda: word in self.kubectl(*log, check=False).stdout, f"the program prints {word!r}")


def job(name: str, code: str, **spec: Any) -> Json:
    """Return the manifest of a Python job."""
    return {
        "apiVersion": "fumehood.dev/v1alpha1",
        "kind": "AnalysisJob",
        "metadata": {"name": name},
        "spec": {"schemaVersion": "1.0", "environment": "python", "source": {"entrypoint": "main.py", "files": {"main.py": code}}} | spec,
    }


@pytest.fixture(scope="session")
def environ() -> dict[str, str]:
    """What .cluster/env exports."""
    path = ROOT / ".cluster" / "env"
    assert path.exists(), "there is no cluster: run `make deploy` first (`make test-cluster` does)"
    script = f"set -a; . {path}; env -0"
    raw = subprocess.run(["bash", "-c", script], capture_output=True, check=True, text=True).stdout
    found = dict(line.split("=", 1) for line in raw.split("\0") if "=" in line)
    os.environ.update(found)
    return found


@pytest.fixture(scope="module")
def cluster(environ: dict[str, str]) -> Iterator[Cluster]:
    """A namespace of its own, Pod Security `restricted` enforced; gone afterwards."""
    found = Cluster(f"test-{secrets.token_hex(4)}")
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": found.namespace, "labels": labels}}
    found.kubectl("create", "-f", "-", stdin=yaml.safe_dump(namespace))
    yield found
    found.kubectl("delete", "namespace", found.namespace, "--wait=false")


@pytest.fixture(scope="session")
def store(environ: dict[str, str]) -> Any:
    """A client of the cluster's S3 store, with the administrator's keys."""
    from urllib.parse import urlsplit

    from minio import Minio

    parts = urlsplit(environ["S3_ENDPOINT"])
    return Minio(
        parts.netloc,
        access_key=environ["S3_ACCESS_KEY"],
        secret_key=environ["S3_SECRET_KEY"],
        secure=parts.scheme == "https",
        region="us-east-1",
    )


@pytest.fixture(scope="session")
def images() -> Any:
    """What `make images` recorded."""
    return json.loads((ROOT / ".cluster" / "images.json").read_text())


@pytest.fixture(scope="module")
def levels(environ: dict[str, str], images: Any) -> Iterator[dict[str, str]]:
    """Environments of the same image at each isolation level, by level."""
    subprocess.run([sys.executable, str(ROOT / "hack" / "cluster"), "up", "--with", "gvisor"], check=True, stdout=subprocess.DEVNULL)
    recorded = images["environments"]["python"]
    base = {"image": recorded["reference"], "adapter": "python", "envVersion": recorded["envVersion"]}
    wanted = {"userns": {"userNamespaces": "Required"}, "runc": {"userNamespaces": "Off"}, "gvisor": {"runtimeClassName": "gvisor"}}
    suffix = secrets.token_hex(3)  # another worker has its own
    system = Cluster("default")
    for level, extra in wanted.items():
        metadata = {"name": f"{level}-{suffix}"}
        system.create({"apiVersion": "fumehood.dev/v1alpha1", "kind": "AnalysisEnvironment", "metadata": metadata, "spec": base | extra})
    yield {level: f"{level}-{suffix}" for level in wanted}
    for level in wanted:
        system.kubectl("delete", "analysisenvironment", f"{level}-{suffix}")
