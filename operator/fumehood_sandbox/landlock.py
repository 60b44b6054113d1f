"""Landlock: which files, sockets and processes the hostile program reaches.

The image is there to be read and executed, the folders of the attempt for what
each is for, and of devices, /proc and /sys what ordinary runtimes look at.
Everything else is shut, whatever its mode says: the payload, /run, control
groups, the termination message, other devices. The names in "/" cannot be
listed, since that right would be one for every folder below it.

The rules are made before the fork: all that is left for the child is to enter.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from . import kernel
from .border.places import PAYLOAD
from .layout import Layout

FLOOR = 3  # the first that guards truncation
NEWEST = 7  # what later versions add is not used

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_REMOVE_DIR, _REMOVE_FILE, _MAKE_CHAR, _MAKE_DIR, _MAKE_REG = (1 << bit for bit in range(4, 9))
_MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM, _REFER, _TRUNCATE, _IOCTL_DEV = (1 << bit for bit in range(9, 16))
_IOCTL_DEV_ABI, _NETWORK_ABI, _SCOPE_ABI, _LOG_ABI = 5, 4, 6, 7
_BIND_AND_CONNECT = 0b11  # TCP
_SOCKETS_AND_SIGNALS = 0b11  # abstract unix sockets, and signals, of processes outside
_NO_LOG_OF_INNER = 1 << 2  # a program's own rulesets shall not fill the node's audit log

READ = _READ_FILE | _READ_DIR
RUN = READ | _EXECUTE
_DEVICE = _READ_FILE | _WRITE_FILE
_STORE = _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER
_SPECIAL = _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM  # devices nowhere
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

# Not the image's, even where an image has a folder of that name.
_APART = {"/dev", "/proc", "/run", "/sys"}
_DEVICES = ("null", "zero", "full", "random", "urandom")
_CPUS = "/sys/devices/system/cpu"  # how many there are
_SHARES = "/sys/fs/cgroup"  # how much of them, and of memory, is the container's: runtimes size themselves by it


def abi() -> int:
    """The version whose rules are used here; 0 where there is none."""
    return min(kernel.landlock_abi(), NEWEST)


def make(layout: Layout, egress: bool) -> int | None:
    """Return the descriptor of the rules, or None where the kernel cannot keep them.

    That some kernels need not is for `protections` to say. Raises:
        OSError: they cannot be made.
    """
    version = abi()
    if version < FLOOR:
        return None
    files = (_IOCTL_DEV << 1) - 1 if version >= _IOCTL_DEV_ABI else (_TRUNCATE << 1) - 1
    network = _BIND_AND_CONNECT if version >= _NETWORK_ABI and not egress else 0
    ruleset = kernel.landlock_create(files, network, _SOCKETS_AND_SIGNALS if version >= _SCOPE_ABI else 0)
    for path, access in grants(layout).items():
        _allow(ruleset, path, access)
    return ruleset


def restrict(ruleset: int) -> None:
    """Put this process, and all that come from it, under the rules."""
    kernel.landlock_restrict(ruleset, _NO_LOG_OF_INNER if abi() >= _LOG_ABI else 0)


def grants(layout: Layout) -> dict[str, int]:
    """Path -> what may be done there, and below."""
    allowed = dict.fromkeys(_image(), RUN)
    allowed |= {f"/dev/{name}": _DEVICE for name in _DEVICES}
    allowed |= {"/proc": READ, _CPUS: READ, _SHARES: READ, layout.work: RUN, layout.inputs: READ}
    # A socket of one's own, or a link, is an ordinary thing in a scratch folder, and no result.
    allowed |= {layout.tmp: RUN | _STORE | _SPECIAL, layout.home: RUN | _STORE | _SPECIAL}
    return allowed | {layout.outputs: RUN | _STORE, layout.shm: READ | _STORE}


def _image() -> Iterator[str]:
    """Yield what is in "/", and of the folders that hold the payload what is beside it."""
    folder = "/"
    for part in PAYLOAD.split("/")[1:]:
        if not os.path.isdir(folder):
            return
        inner = os.path.join(folder, part)
        with os.scandir(folder) as entries:
            # A link is no place of its own.
            yield from (entry.path for entry in entries if entry.path not in {inner, *_APART} and not entry.is_symlink())
        folder = inner


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # not every image has a /dev/full
    try:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        kernel.landlock_allow(ruleset, descriptor, access if folder else access & _OF_A_FILE)
    finally:
        os.close(descriptor)
