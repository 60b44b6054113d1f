"""Which system calls the hostile program may not make: data, no code.

Each rule names a call, when it is refused, the error that the program sees and
whether the refusal is counted as a violation. Calls that ordinary runtimes try
and can do without (Go tries pidfd_send_signal, libuv io_uring_setup, glibc
clone3) are refused quietly, so that no honest program is taken for an attacker.

The runner is process 1, of group 1: the rules about calls that take a process
are about that number.
"""

from __future__ import annotations

import enum
import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

ALL_BITS = 0xFFFFFFFF
RUNNER = 1

# Refused always: other processes' memory, the kernel's own programs and keys, namespaces, mounts, the machine.
_ALWAYS = (
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp",
    "add_key", "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "open_by_handle_at",
    "lookup_dcookie", "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree",
    "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr", "kexec_load", "kexec_file_load",
    "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff", "acct", "quotactl", "quotactl_fd",
    "settimeofday", "clock_settime", "sethostname", "setdomainname", "iopl", "ioperm", "syslog", "vhangup",
    "lsm_set_self_attr",
)  # fmt: skip
# Refused as a kernel without them does. Message queues and System V's objects are of
# the Pod, not of the container; what a machine's security modules are is not for jobs;
# memory that nobody else can read is memory that nobody can account for. The flags of
# clone3 are in memory, which a filter cannot read; a descriptor of /proc/1 would do as
# the target of pidfd_send_signal, so its argument says nothing.
_ABSENT = (
    "io_uring_setup", "io_uring_enter", "io_uring_register", "clone3", "pidfd_send_signal", "memfd_secret",
    "lsm_get_self_attr", "lsm_list_modules", "shmget", "shmat", "shmctl", "shmdt", "semget", "semop", "semtimedop",
    "semctl", "msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink", "mq_timedsend", "mq_timedreceive",
    "mq_notify", "mq_getsetattr",
)  # fmt: skip
# Refused when the first argument is the runner, which has the program's own UID.
_AIMED = (
    "kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "prlimit64", "sched_setparam",
    "sched_setscheduler", "sched_setattr", "sched_setaffinity", "migrate_pages", "move_pages",
)  # fmt: skip
# Younger than the libseccomp of some Debian: without a rule where that does not know them yet.
YOUNG = frozenset({"lsm_set_self_attr", "lsm_get_self_attr", "lsm_list_modules", "open_tree_attr"})

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}; NEWTIME is for unshare and clone3 alone
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # typing into a terminal
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
_F_SETOWN, _F_SETOWN_EX = 8, 15  # with F_SETSIG: any signal to any process of the UID
_PRIO_USER, _IOPRIO_WHO_USER = 2, 3
_SOCKET_TYPE = 0xF  # what is above are flags
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_TYPES = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
_PROTOCOLS = (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP)


class Comparison(enum.Enum):
    """How one argument is compared."""

    IN = "is one of"
    NOT_IN = "is none of"
    ANY_BIT = "has a bit of"


@dataclass(frozen=True)
class When:
    """A condition on the low 32 bits of argument `index`, or on those of them in `mask`.

    Every argument named here is an `int` or a 32-bit flag for the kernel, which
    ignores what is above.
    """

    index: int
    test: Comparison
    values: tuple[int, ...]
    mask: int = ALL_BITS


@dataclass(frozen=True)
class Rule:
    """One refusal: if all of `when` hold, each about another argument."""

    call: str
    when: tuple[When, ...] = ()
    errno: int = errno.EPERM
    counted: bool = True


def rules(egress: bool) -> tuple[Rule, ...]:
    """Return the rules for a program that may use the internet (`egress`), or none."""
    return (
        *(_internet() if egress else _no_network()),
        *(Rule(call) for call in _ALWAYS),
        *(Rule(call, errno=errno.ENOSYS, counted=False) for call in _ABSENT),
        *_aimed(),
        *_arguments(),
    )


def _no_network() -> Iterable[Rule]:
    for call in ("socket", "socketpair"):
        yield Rule(call, (When(0, Comparison.NOT_IN, (socket.AF_UNIX,)),), errno.EAFNOSUPPORT)


def _internet() -> Iterable[Rule]:
    # No two of these hold at once: which of two actions wins is the compiler's affair.
    inet, plain = When(0, Comparison.IN, _INTERNET), When(1, Comparison.IN, _TYPES, _SOCKET_TYPE)
    no = errno.EAFNOSUPPORT
    yield Rule("socket", (When(0, Comparison.NOT_IN, (socket.AF_UNIX, socket.AF_NETLINK, *_INTERNET)),), no)
    yield Rule("socket", (inet, When(1, Comparison.NOT_IN, _TYPES, _SOCKET_TYPE)), no)
    # glibc asks netlink for addresses when it looks a name up, Go tries MPTCP; both do without.
    yield Rule("socket", (When(0, Comparison.IN, (socket.AF_NETLINK,)),), no, counted=False)
    yield Rule("socket", (inet, plain, When(2, Comparison.NOT_IN, _PROTOCOLS)), errno.EPROTONOSUPPORT, counted=False)
    yield Rule("socketpair", (When(0, Comparison.NOT_IN, (socket.AF_UNIX,)),), no)


def _aimed() -> Iterable[Rule]:
    for call in _AIMED:  # a kill of all (-1) spares process 1
        yield Rule(call, (When(0, Comparison.IN, (RUNNER,)),))
    for call, whole_user in (("setpriority", _PRIO_USER), ("ioprio_set", _IOPRIO_WHO_USER)):
        yield Rule(call, (When(0, Comparison.IN, (whole_user,)),))
        yield Rule(call, (When(1, Comparison.IN, (RUNNER,)),))  # the process, or its group


def _arguments() -> Iterable[Rule]:
    yield Rule("clone", (When(0, Comparison.ANY_BIT, (_NEW_NAMESPACES,)),))
    yield Rule("personality", (When(0, Comparison.NOT_IN, (0, ALL_BITS)),), counted=False)  # some Lisps switch randomisation off
    yield Rule("ioctl", (When(1, Comparison.IN, (_TIOCSTI, _TIOCLINUX)),))
    yield Rule("ioctl", (When(1, Comparison.IN, (_FIOSETOWN, _SIOCSPGRP)),), counted=False)
    yield Rule("fcntl", (When(1, Comparison.IN, (_F_SETOWN, _F_SETOWN_EX)),), counted=False)
