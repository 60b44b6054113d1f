"""Remove what dead processes leave: containers, shims, mounts, cgroups.

The only way down is the one after a crash, so it is tried at every `down`:
containers are killed, not asked. Ours are known by the containerd socket in a
shim's command line and by the cgroup root of this cluster.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from embedded.commands import run
from embedded.place import Place
from embedded.processes import end, marked
from report import ClusterError

CGROUP_HOME = Path("/sys/fs/cgroup")
DEAD_AFTER = 60  # seconds; between bind and listen a young socket looks dead
LOG_LINKS = Path("/var/log/containers")
SHIM_SOCKETS = Path("/run/containerd/s")
SHIM_PREFIX = "containerd-shim"


def shims(place: Place) -> list[int]:
    """Processes that are shims of this cluster's containerd."""
    return [pid for pid in _pids() if is_shim_of(_words(pid), str(place.containerd_socket))]


def is_shim_of(words: list[str], address: str) -> bool:
    """Whether a command line is that of a shim which serves ``address`` (pure)."""
    if not words or not Path(words[0]).name.startswith(SHIM_PREFIX):
        return False
    return any(flag.lstrip("-") == "address" and value == address for flag, value in zip(words, words[1:]))


def _pids() -> Iterator[int]:
    yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _words(pid: int) -> list[str]:
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [word.decode(errors="replace") for word in raw.split(b"\0")[:-1]]


def cgroup_roots(place: Place) -> list[Path]:
    """The cluster's cgroup in each hierarchy (one on v2, many on v1)."""
    unified = (CGROUP_HOME / "cgroup.controllers").exists()
    parents = [CGROUP_HOME] if unified else [path for path in CGROUP_HOME.iterdir() if path.is_dir()]
    return [parent / place.cgroup for parent in parents if parent.resolve() == parent]


def make_cgroups(place: Place) -> None:
    """The kubelet wants its root to exist; a new cpuset is empty and holds no process."""
    for root in cgroup_roots(place):
        root.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            knob = root / name
            if knob.exists() and not knob.read_text().strip():
                knob.write_text((root.parent / name).read_text())


def contained(place: Place) -> set[int]:
    """Every process in a cgroup of this cluster."""
    found: set[int] = set()
    for root in cgroup_roots(place):
        for folder, _, _ in os.walk(root):
            try:
                found.update(int(line) for line in (Path(folder) / "cgroup.procs").read_text().split())
            except OSError:
                continue
    return found - {0, os.getpid()}


def sweep(place: Place) -> None:
    """Kill all containers and shims of this cluster and remove their mounts, cgroups and state."""
    for _ in range(20):
        victims = contained(place) | set(shims(place)) | {pid for pid, _ in marked(place.identity)}
        if not victims:
            break
        end(sorted(victims), signal.SIGKILL, 1.0)
    else:
        raise ClusterError(f"these processes of the cluster do not end: {sorted(victims)}", "look at them with ps")
    unmount(place)
    _remove_shim_sockets(place)
    shutil.rmtree(place.run, ignore_errors=True)
    for root in cgroup_roots(place):
        _remove_cgroup(root)


def _remove_cgroup(root: Path) -> None:
    for folder, _, _ in os.walk(root, topdown=False):
        for _ in range(50):  # the kernel needs a moment after the last process
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(0.02)
            else:
                break


def mounts_below(mountinfo: str, folders: list[str]) -> list[str]:
    """Mount points at or below ``folders``, deepest and latest first (pure)."""
    points = [_unescape(line.split()[4]) for line in mountinfo.splitlines() if line]
    ours = [point for point in points if any(point == base or point.startswith(f"{base}/") for base in folders)]
    return sorted(reversed(ours), key=lambda point: -point.count("/"))


def _unescape(path: str) -> str:
    for code, character in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        path = path.replace(code, character)
    return path


def unmount(place: Place) -> None:
    """Unmount everything of this cluster; lazily, since a dead NFS or FUSE server must not block."""
    for _ in range(5):
        points = mounts_below(Path("/proc/self/mountinfo").read_text(), [str(place.data), str(place.run)])
        if not points:
            return
        for start in range(0, len(points), 50):
            try:
                run(["umount", "--lazy", *points[start : start + 50]])
            except ClusterError:
                continue  # some were gone with their parent: look again
    raise ClusterError(f"mounts below {place.data} stay", f"see: grep {place.identity} /proc/self/mountinfo")


def remove_log_links(place: Place) -> None:
    """The kubelet links every log from one folder of the machine, and no setting moves that."""
    for link in LOG_LINKS.glob("*"):
        if link.is_symlink() and os.readlink(link).startswith(f"{place.data}/"):
            link.unlink(missing_ok=True)


def _remove_shim_sockets(place: Place) -> None:
    """Shims put their sockets in one folder of the machine; each bundle says which is its own.

    gVisor's shim leaves its socket when it ends, and its bundle is gone by then: a
    socket that nobody has listened to for a while is removed, whoever's it was.
    """
    for note in place.run.glob("containerd/io.containerd.runtime.v2.task/*/*/bootstrap.json"):
        _, found, rest = note.read_text(errors="replace").partition("unix://")
        if found:
            Path(rest.split('"')[0]).unlink(missing_ok=True)
    for path in SHIM_SOCKETS.glob("*"):
        if path.is_socket() and path.stat().st_mtime < time.time() - DEAD_AFTER and not _listens(path):
            path.unlink(missing_ok=True)


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True  # when in doubt it is alive
    return True
