"""Which programs the cluster is built from, how, and in which order: pure.

Versions are pinned by programs/go.mod and nowhere else; what is stamped into the
binaries is read from there. The order is that of need: with the first programs
the node starts while the rest still compiles.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "programs"
CONTAINERD = "github.com/containerd/containerd/v2"
ETCD = "go.etcd.io/etcd/server/v3"
MINIO = "github.com/minio/minio"
RUNC = "github.com/opencontainers/runc"
KUBERNETES_ROLES = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
)


@dataclass(frozen=True)
class Program:
    """One `go build`: packages to binaries; ``links`` are further names of the first binary."""

    name: str
    version: str
    packages: tuple[str, ...]
    binaries: tuple[str, ...]
    needs_first: bool
    stamps: Mapping[str, str] = field(default_factory=dict)
    tags: str = ""
    cgo: bool = False
    links: tuple[str, ...] = ()

    @property
    def linker_flags(self) -> str:
        """Flags for the linker: stripped, version stamped."""
        return " ".join(["-s", "-w", *(f"-X {name}={value}" for name, value in self.stamps.items())])


def pinned(go_mod: str, module: str) -> str:
    """Version of ``module`` in the text of a go.mod."""
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise ValueError(f"go.mod does not pin {module}")
    return found.group(1)


def catalogue(go_mod: str) -> list[Program]:
    """All programs, in the order of building."""
    pin = partial(pinned, go_mod)
    kubernetes, containerd = pin("k8s.io/kubernetes"), pin(CONTAINERD)
    commands = ("containerd", "containerd-shim-runc-v2", "ctr")
    return [
        Program("etcd", pin(ETCD), (ETCD,), ("etcd",), True),
        Program(
            "kubernetes",
            kubernetes,
            ("./hyperkube",),
            ("hyperkube",),
            True,
            stamps=_kubernetes_stamps(kubernetes),
            links=KUBERNETES_ROLES,
        ),
        Program(
            "containerd",
            containerd,
            tuple(f"{CONTAINERD}/cmd/{command}" for command in commands),
            commands,
            True,
            stamps={f"{CONTAINERD}/version.Version": containerd},
        ),
        Program(
            "runc",
            pin(RUNC),
            (RUNC,),
            ("runc",),
            True,
            stamps={"main.version": pin(RUNC).lstrip("v")},
            tags="seccomp",
            cgo=True,
        ),
        Program("netpol", pin("github.com/cloudnativelabs/kube-router"), ("./netpol",), ("netpol",), True),
        Program("coredns", pin("github.com/coredns/coredns"), ("./coredns",), ("coredns",), False),
        Program("helm", pin("helm.sh/helm/v4"), ("helm.sh/helm/v4/cmd/helm",), ("helm",), False),
        Program("minio", pin(MINIO), (MINIO,), ("minio",), False, tags="kqueue"),
    ]


def _kubernetes_stamps(version: str) -> dict[str, str]:
    major, minor = version.lstrip("v").split(".")[:2]
    base = "k8s.io/component-base/version"
    return {
        f"{base}.gitVersion": version,
        f"{base}.gitMajor": major,
        f"{base}.gitMinor": minor,
        f"{base}.gitTreeState": "clean",
        "k8s.io/client-go/pkg/version.gitVersion": version,
    }


def sources(folder: Path) -> dict[str, bytes]:
    """Pins and our own sources below ``folder``, by relative path."""
    files = [path for path in folder.rglob("*") if path.suffix in {".go", ".mod", ".sum"} and path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def digest(files: Mapping[str, bytes], flags: object) -> str:
    """Name of the cache folder: changes with any pin, any source of ours and any flag (pure)."""
    whole = hashlib.sha256(json.dumps(flags, sort_keys=True, default=vars).encode())
    for name in sorted(files):
        whole.update(f"\0{name}\0{len(files[name])}\0".encode() + files[name])
    return whole.hexdigest()[:16]
