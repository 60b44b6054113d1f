"""What the machine must offer, checked before anything is made; all faults are told at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from embedded.place import DATA_HOME
from report import ClusterError

DISK_NEEDED = 6 * 1024**3  # bytes: build cache, binaries, a few images
FILESYSTEMS = ("overlay", "tmpfs", "proc")
CGROUPS_V1 = ("cpu", "cpuset", "memory", "pids", "devices", "freezer")
CGROUPS_V2 = ("cpu", "cpuset", "memory", "pids")


def check() -> None:
    """Raise with every reason why no cluster can run here."""
    faults = list(_faults())
    if faults:
        lines = "".join(f"\n  - {fault}" for fault in faults)
        raise ClusterError(
            f"a cluster cannot run on this machine:{lines}",
            "mend this, or use another provider: --provider kind, or --provider existing",
        )


def _faults() -> Iterator[str]:
    if os.geteuid() != 0:
        yield "it needs root (network namespaces, mounts, cgroups)"
    known = Path("/proc/filesystems").read_text().split()
    yield from (f"the kernel has no file system {name!r}" for name in FILESYSTEMS if name not in known)
    for kind in ("net", "mnt", "user", "pid"):
        if not Path(f"/proc/self/ns/{kind}").exists():
            yield f"the kernel has no {kind} namespaces"
    absent = missing_controllers(cgroup_folders())
    if absent:
        yield f"these cgroup controllers are not mounted below /sys/fs/cgroup: {', '.join(absent)}"
    folder = next(path for path in (DATA_HOME, *DATA_HOME.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    if free < DISK_NEEDED:
        yield f"{folder} has {free >> 20} MiB free, {DISK_NEEDED >> 20} MiB are needed"


def cgroup_folders(home: Path = Path("/sys/fs/cgroup")) -> tuple[str, ...]:
    """Controllers on offer: those of the unified hierarchy, or the mounted folders of the old one."""
    unified = home / "cgroup.controllers"
    if unified.exists():
        return ("unified", *unified.read_text().split())
    return tuple(path.name for path in home.iterdir()) if home.is_dir() else ()


def missing_controllers(offered: tuple[str, ...]) -> list[str]:
    """Which controllers the kubelet would miss (pure)."""
    unified = "unified" in offered and not set(CGROUPS_V1) <= set(offered)
    return [name for name in (CGROUPS_V2 if unified else CGROUPS_V1) if name not in offered]
