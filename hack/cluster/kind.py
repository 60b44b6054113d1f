"""A cluster by `kind`, for machines with a Docker engine.

Kept small, and not exercised by the project's own tests, whose machines have no
Docker engine. The node image and the store's image are pulled by Docker.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import s3
from checkout import Checkout, write_atomically, write_env
from embedded.images import canonical, names_in, without_tag
from report import ClusterError, say

STORE_IMAGE = os.environ.get("FUMEHOOD_STORE_IMAGE", "minio/minio:latest")
NODE_IMAGE = os.environ.get("FUMEHOOD_KIND_IMAGE", "")
BUCKET = "fumehood"


def _run(*argv: str) -> str:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(argv)}` failed with status {done.returncode}")
    return done.stdout


class Kind:
    """One kind cluster and one store container a checkout."""

    name = "kind"

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._cluster = f"fumehood-{checkout.identity}"
        self._store = f"{self._cluster}-store"

    def up(self, features: Sequence[str]) -> None:
        """Create cluster and store, or find them."""
        if features:
            raise ClusterError(f"the kind provider has no {', '.join(features)}", "use the embedded provider")
        self._require()
        if self._cluster not in _run("kind", "get", "clusters").split():
            image = ["--image", NODE_IMAGE] if NODE_IMAGE else []
            _run("kind", "create", "cluster", "--name", self._cluster, "--wait", "180s", *image)
        kubeconfig = _run("kind", "get", "kubeconfig", "--name", self._cluster)
        write_atomically(self._checkout.kubeconfig, kubeconfig, 0o600)
        settings = self._ensure_store()
        write_env(self._checkout, {"FUMEHOOD_CLUSTER_PROVIDER": self.name, **settings}, None)
        say(f"the cluster is up; next:\n  . {self._checkout.env}\n  kubectl get nodes")

    def _ensure_store(self) -> dict[str, str]:
        """The store is a container beside the node, reached by address from Pods and host alike."""
        if self._store not in _run("docker", "ps", "--format", "{{.Names}}").split():
            subprocess.run(["docker", "rm", "--force", self._store], capture_output=True, check=False)
            keys = ["-e", "MINIO_ROOT_USER=fumehood", "-e", f"MINIO_ROOT_PASSWORD={secrets.token_urlsafe(24)}"]
            _run("docker", "run", "-d", "--name", self._store, "--network", "kind", *keys, STORE_IMAGE, "server", "/data")
        found = json.loads(_run("docker", "inspect", self._store))[0]
        variables = dict(entry.split("=", 1) for entry in found["Config"]["Env"])
        endpoint = f"http://{found['NetworkSettings']['Networks']['kind']['IPAddress']}:9000"
        secret = variables["MINIO_ROOT_PASSWORD"]
        s3.ensure_bucket(endpoint, BUCKET, "fumehood", secret, patience=30)
        return {
            "S3_ENDPOINT": endpoint,
            "S3_ACCESS_KEY": "fumehood",
            "S3_SECRET_KEY": secret,
            "S3_BUCKET": BUCKET,
        }

    def down(self, purge: bool) -> None:
        """Delete cluster and store; kind keeps no data in either case."""
        del purge
        self._require()
        _run("kind", "delete", "cluster", "--name", self._cluster)
        _run("docker", "rm", "--force", self._store)
        for path in (self._checkout.kubeconfig, self._checkout.env):
            path.unlink(missing_ok=True)

    def status(self) -> bool:
        """Print node and store containers."""
        self._require()
        names = _run("docker", "ps", "--filter", f"name={self._cluster}", "--format", "{{.Names}} {{.Status}}")
        print(names, end="")
        return len(names.splitlines()) >= 2

    def load(self, archives: Sequence[Path]) -> Iterator[str]:
        """Load archives, and name each image by digest on the node as well."""
        node = f"{self._cluster}-control-plane"
        ctr = ["docker", "exec", node, "ctr", "-n", "k8s.io", "images"]
        for archive in archives:
            _run("kind", "load", "image-archive", str(archive), "--name", self._cluster)
            for name in map(canonical, names_in(archive)):
                row = _run(*ctr, "ls", f"name=={name}").splitlines()[1].split()
                pinned = f"{without_tag(name)}@{row[2]}"
                _run(*ctr, "tag", "--force", name, pinned)
                yield json.dumps({"image": name, "digest": row[2], "pinned": pinned})

    def build(self, features: Sequence[str]) -> None:
        """Nothing to build."""
        del features

    def log(self, component: str) -> Path:
        """Collect the logs and point at them."""
        folder = self._checkout.contract / "logs"
        _run("kind", "export", "logs", str(folder), "--name", self._cluster)
        raise ClusterError(f"kind's logs are not kept by component ({component})", f"look below {folder}")

    def _require(self) -> None:
        absent = [program for program in ("docker", "kind", "kubectl") if shutil.which(program) is None]
        if absent:
            raise ClusterError(f"not on PATH: {', '.join(absent)}", "install them, or use the embedded provider")
        if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0:
            raise ClusterError("the Docker engine does not answer", "start it, or use the embedded provider")
