"""Names and paths of one embedded cluster: pure, all derived from the checkout's identity.

Big data are under /var/lib, sockets under /run (a socket's path may have 107
characters only), never in the checkout.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

NODE_NAME = "fumehood-node"
SERVICE_RANGE = "10.96.0.0/16"
API_SERVICE = "10.96.0.1"
DNS_SERVICE = "10.96.0.10"
POD_RANGE = "10.244.0.0/22"  # 1022 addresses: above the kubelet's 250 Pods
CLUSTER_DOMAIN = "cluster.local"
BUCKET = "fumehood"
PAUSE_IMAGE = "fumehood.local/pause:1"

DATA_HOME = Path("/var/lib/fumehood")
RUN_HOME = Path("/run/fumehood")


@dataclass(frozen=True)
class Place:
    """Where one cluster lives; ``identity`` is the checkout's short hash."""

    identity: str

    @property
    def data(self) -> Path:
        """What survives a restart: etcd, images, objects, logs, PKI."""
        return DATA_HOME / self.identity

    @property
    def run(self) -> Path:
        """What is of this run only: sockets, process records, sandboxes' state."""
        return RUN_HOME / self.identity

    @property
    def lock(self) -> Path:
        """Held by `up` and `down`; outside of the folders that `down` deletes."""
        return RUN_HOME / f"{self.identity}.lock"

    @property
    def config(self) -> Path:
        """Generated configuration files and kubeconfigs."""
        return self.data / "config"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.data / "pki"

    @property
    def programs(self) -> Path:
        """Link to the folder of binaries in use."""
        return self.data / "bin"

    @property
    def containerd_socket(self) -> Path:
        """Where ctr and the kubelet reach this cluster's containerd."""
        return self.run / "containerd.sock"

    @property
    def cgroup(self) -> str:
        """The kubelet's cgroup root: all containers of this cluster are below."""
        return f"fumehood-{self.identity}"

    @property
    def node_netns(self) -> str:
        """Network namespace of the node."""
        return f"fh-{self.identity}"

    @property
    def store_netns(self) -> str:
        """Network namespace of the object store, which is no part of the node."""
        return f"fs3-{self.identity}"

    def veth(self, end: str) -> str:
        """Name of a veth end: ``h``/``n`` host and node, ``m``/``s`` node and store."""
        return f"fh{self.identity}{end}"

    def log(self, component: str) -> Path:
        """Log file of a component."""
        return self.data / "log" / f"{component}.log"
