"""Write the node's configuration files; their content is config.py's matter."""

from __future__ import annotations

import base64
from pathlib import Path

from checkout import write_atomically
from embedded import config
from embedded.addresses import Addresses
from embedded.commands import run, succeeds
from embedded.components import SHADOWED_SYSCTLS
from embedded.place import Place

CLIENTS = ("admin", "controller-manager", "scheduler", "kubelet", "proxy", "netpol", "coredns")


def kubeconfig_of(place: Place, addresses: Addresses, user: str) -> str:
    """A kubeconfig of ``user`` with certificates inside."""

    def encoded(name: str) -> str:
        return base64.b64encode((place.pki / name).read_bytes()).decode()

    server = f"https://{addresses.node}:6443"
    return config.kubeconfig(server, encoded("ca.crt"), encoded(f"{user}.crt"), encoded(f"{user}.key"))


def write_all(place: Place, addresses: Addresses, gvisor: bool) -> None:
    """Every file that a component reads at its start."""
    for user in CLIENTS:
        write_if_new(place.config / f"{user}.kubeconfig", kubeconfig_of(place, addresses, user), 0o600)
    documents = {
        "kubelet.json": config.kubelet(place),
        "kube-proxy.json": config.kube_proxy(place.config / "proxy.kubeconfig"),
        "cni/10-fumehood.conflist": config.cni(place),
        "containerd.toml": config.containerd(place, gvisor),
        "runsc.toml": config.runsc(place),
        "Corefile": config.corefile(addresses, place.config / "coredns.kubeconfig"),
        "audit-policy.json": config.audit_policy(),
    }
    for name, content in documents.items():
        write_if_new(place.config / name, content)
    for key in SHADOWED_SYSCTLS:
        write_if_new(place.run / "sysctl" / key.replace("/", "."), (Path("/proc/sys") / key).read_text())


def write_if_new(path: Path, content: str, mode: int = 0o644) -> None:
    """Leave a file alone that already says the same."""
    if not path.exists() or path.read_text() != content:
        write_atomically(path, content, mode)


def share_mounts(place: Place) -> None:
    """Make both homes shared mounts.

    The kubelet has a mount namespace of its own: what it mounts for Pods must reach
    containerd, and what containerd unmounts must not stay pinned there.
    """
    for folder in (place.data, place.run):
        folder.mkdir(parents=True, exist_ok=True)
        if not succeeds(["mountpoint", "-q", str(folder)]):
            run(["mount", "--bind", str(folder), str(folder)])
        run(["mount", "--make-rshared", str(folder)])


def link_programs(place: Place, programs: Path) -> None:
    """The few programs that people use, on a PATH that does not hide theirs."""
    place.programs.mkdir(parents=True, exist_ok=True)
    for name in ("kubectl", "helm", "ctr"):
        link, draft = place.programs / name, place.programs / f".{name}"
        if not link.is_symlink() or link.readlink() != programs / name:
            draft.unlink(missing_ok=True)
            draft.symlink_to(programs / name)
            draft.rename(link)
