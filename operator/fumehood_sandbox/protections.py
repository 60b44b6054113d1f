"""Finds out, from the kernel, which protections are in force.

What the Pod asked for is not believed: a profile may have been ignored, a field
may not be known to the runtime. What must be there and is not is named, and
then nothing is executed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from . import kernel, landlock, seccomp
from .border.hello import Sandbox

_FILTERING = 2  # SECCOMP_MODE_FILTER
_WHOLE_RANGE = ["0", "0", "4294967295"]  # uid_map of the first user namespace


def probe() -> tuple[Sandbox, tuple[str, ...]]:
    """Return what is in force, and the names of what must be there and is not."""
    status = _status()
    found = Sandbox(
        seccomp=status.get("Seccomp") == str(_FILTERING),
        no_new_privs=_no_new_privs(),
        capabilities=all(int(status.get(name, "1"), 16) == 0 for name in ("CapEff", "CapPrm", "CapAmb")),
        read_only_root=_read_only_root(),
        user_namespace=_user_namespace(),
        landlock_abi=landlock.abi(),
    )
    return found, _missing(found)


def _missing(found: Sandbox) -> tuple[str, ...]:
    required = {
        "no_new_privs": found.no_new_privs,
        "capabilities": found.capabilities,
        "seccomp": found.seccomp or _kernel_of_its_own(),
        "non_root": os.geteuid() != 0 and os.getuid() != 0,
        "seccomp_filter": seccomp.available(),
        "landlock": found.landlock_abi >= landlock.FLOOR or _kernel_of_its_own(),
        "read_only_root": found.read_only_root,
        "pid_namespace": os.getpid() == 1,
    }
    return tuple(name for name, there in required.items() if not there)


def _status() -> Mapping[str, str]:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        pairs = (line.partition(":") for line in file)
        status = {name: value.strip() for name, _, value in pairs}
    status.setdefault("CapAmb", "0")  # kernels that lack the line lack the set
    return status


def _no_new_privs() -> bool:
    try:
        return kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) == 1
    except OSError:
        return False


def _read_only_root() -> bool:
    if os.statvfs("/").f_flag & os.ST_RDONLY:
        return True
    # Not every kernel gives mount flags in statfs; the last mount on "/" is the one in sight.
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        mounts = [fields for fields in map(str.split, file) if len(fields) > 5 and fields[4] == "/"]
    return bool(mounts) and "ro" in mounts[-1][5].split(",")


def _user_namespace() -> bool:
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != _WHOLE_RANGE
    except OSError:
        return False


def _kernel_of_its_own() -> bool:
    """Whether this is gVisor: its system calls end in a kernel that is a guest.

    So no profile is loaded before it, and it has no Landlock.
    """
    return b"gVisor" in kernel.kernel_log()
