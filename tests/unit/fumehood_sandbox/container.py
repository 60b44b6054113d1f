"""Runs one program in something like a container; started as root by the tests.

Own mount, PID and IPC namespaces, a read-only root made of the machine's system
folders, no capabilities, no_new_privs, a filter in force, another user, a session
of its own. Prints the number of the first process as seen from outside, then waits for it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import struct
import sys
from pathlib import Path

from fumehood_sandbox import kernel

NEW_PIDS = 0x20000000
NEW_NAMESPACES = 0x00020000 | NEW_PIDS | 0x08000000  # mount, PID, IPC
LEAKED = 9  # a descriptor that a runtime forgot to close
BIND, RECURSIVE, PRIVATE, REMOUNT, READ_ONLY = 4096, 16384, 1 << 18, 32, 1
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER, SECOND_ARGUMENT = 0, 24
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
SECCOMP = {"x86_64": 317, "aarch64": 277}[os.uname().machine]
# What a kernel does that lacks one thing: instructions of the runtime's filter.
LACKING = {
    "landlock": [(EQUAL, 0, 1, 444), (RETURN, 0, 0, REFUSE | errno.ENOSYS)],
    "seccomp_filter": [(EQUAL, 0, 1, SECCOMP), (RETURN, 0, 0, REFUSE | errno.ENOSYS)],
    "listener": [
        (EQUAL, 0, 3, SECCOMP), (LOAD, 0, 0, SECOND_ARGUMENT), (ANY_BIT, 0, 1, 1 << 3), (RETURN, 0, 0, REFUSE | errno.EINVAL)
    ],
}  # fmt: skip
libc = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source: str, target: str, kind: str = "none", flags: int = 0, data: str = "") -> None:
    check(libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()))


def bind(source: str, target: str, read_only: bool) -> None:
    path = Path(target)
    if os.path.isdir(source):
        path.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    mount(source, target, flags=BIND | RECURSIVE)
    if read_only:
        mount("none", target, flags=REMOUNT | BIND | READ_ONLY)


def build_root(root: str, spec: dict) -> None:
    mount("none", "/", flags=RECURSIVE | PRIVATE)
    mount("tmpfs", root, "tmpfs", data="mode=755")
    for name in ("usr", "bin", "lib", "lib64", "sbin", "etc"):
        if os.path.islink(f"/{name}"):
            os.symlink(os.readlink(f"/{name}"), f"{root}/{name}")
        elif os.path.isdir(f"/{name}"):
            bind(f"/{name}", f"{root}/{name}", True)
    for device in ("null", "zero", "urandom", "random"):
        bind(f"/dev/{device}", f"{root}/dev/{device}", False)
    Path(f"{root}/proc").mkdir()
    mount("proc", f"{root}/proc", "proc")
    for source, target, read_only in spec["binds"]:
        bind(source, root + target, read_only)
    for target in spec["tmpfs"]:
        Path(root + target).mkdir(parents=True, exist_ok=True)
        mount("tmpfs", root + target, "tmpfs", data=spec.get("tmpfs_options", "mode=1777"))
    Path(f"{root}/sys/fs/cgroup").mkdir(parents=True, exist_ok=True)
    if "read_only_root" not in spec["without"]:
        mount("none", root, flags=REMOUNT | BIND | READ_ONLY)
    os.chroot(root)
    os.chdir("/")


def runtime_filter(without: list[str]) -> bytes:
    lacking = [instruction for name in without for instruction in LACKING.get(name, ())]
    program = [(LOAD, 0, 0, NUMBER), *lacking, (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("@HBBI", *instruction) for instruction in program)


def contain(spec: dict) -> None:
    uid = 0 if "non_root" in spec["without"] else spec["uid"]
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.umask(0o022)
    os.dup2(os.open("/", os.O_RDONLY), LEAKED, inheritable=True)
    if "no_new_privs" not in spec["without"]:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if "seccomp" not in spec["without"]:
            kernel.seccomp_load(runtime_filter(spec["without"]), 0)


def main() -> int:
    spec = json.loads(sys.argv[1])
    check(libc.unshare(NEW_NAMESPACES if "pid_namespace" not in spec["without"] else NEW_NAMESPACES & ~NEW_PIDS))
    pid = os.fork()
    if pid == 0:
        try:
            check(libc.prctl(1, 9, 0, 0, 0))  # dies with this process
            os.setsid()
            for group in spec["groups"]:
                Path(group, "cgroup.procs").write_text("0")
            build_root(spec["root"], spec)
            contain(spec)
            os.execve(spec["argv"][0], spec["argv"], spec["env"])
        except BaseException as error:
            os.write(2, f"container: {error!r}\n".encode())
        finally:
            os._exit(125)
    os.write(1, f"{pid}\n".encode())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


if __name__ == "__main__":
    code = main()
    sys.exit(code if code >= 0 else 128 - code)
