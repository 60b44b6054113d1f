"""A cluster that somebody else runs: only its addresses are written down.

Taken only when asked for by name, so that no test ever runs by accident against
whatever cluster the current kubeconfig happens to point at.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from checkout import Checkout, write_atomically, write_env
from report import ClusterError, say

S3_VARIABLES = ("S3_ENDPOINT", "S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_BUCKET")


def s3_settings() -> dict[str, str]:
    """The store's settings from the environment; all are needed."""
    absent = [name for name in S3_VARIABLES if not os.environ.get(name)]
    if absent:
        raise ClusterError(
            f"these variables are not set: {', '.join(absent)}",
            "set the address and keys of an S3 server that Pods reach, and the name of an existing bucket",
        )
    return {name: os.environ[name] for name in S3_VARIABLES}


class Existing:
    """The cluster of the current kubeconfig."""

    name = "existing"

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout

    def up(self, features: Sequence[str]) -> None:
        """Copy the current context into ``.cluster/``; nothing in the cluster is changed."""
        if features:
            raise ClusterError(f"an existing cluster cannot be given {', '.join(features)}", "install it there")
        settings = s3_settings()
        if shutil.which("kubectl") is None:
            raise ClusterError("there is no kubectl on PATH", "install kubectl")
        view = ["kubectl", "config", "view", "--minify", "--flatten", "--raw"]
        done = subprocess.run(view, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ClusterError(f"kubectl has no current context: {done.stderr.strip()}", "set KUBECONFIG")
        write_atomically(self._checkout.kubeconfig, done.stdout, 0o600)
        write_env(self._checkout, {"FUMEHOOD_CLUSTER_PROVIDER": self.name, **settings}, None)
        say(f"using the current context; next:\n  . {self._checkout.env}")

    def down(self, purge: bool) -> None:
        """Forget the cluster; it is not ours to stop."""
        del purge
        for path in (self._checkout.kubeconfig, self._checkout.env):
            path.unlink(missing_ok=True)

    def status(self) -> bool:
        """Whether the API server is ready."""
        command = ["kubectl", "--kubeconfig", str(self._checkout.kubeconfig), "get", "--raw", "/readyz?verbose"]
        return subprocess.run(command, check=False).returncode == 0

    def load(self, archives: Sequence[Path]) -> Iterable[str]:
        """Refuse: there is no general way into a foreign cluster's nodes."""
        raise ClusterError(
            f"{len(archives)} image archives cannot be loaded into an existing cluster",
            "push the images to a registry that it pulls from",
        )

    def build(self, features: Sequence[str]) -> None:
        """Nothing to build."""
        del features

    def log(self, component: str) -> Path:
        """Refuse: its logs are elsewhere."""
        raise ClusterError(f"the log of {component} is not on this machine", "ask the cluster's owner")
