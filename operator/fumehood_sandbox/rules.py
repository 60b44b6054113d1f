"""Which system calls the hostile program may not make: data, no code.

Each rule names a call, when it is refused, the error that the program sees and
whether the refusal is counted as a violation. Calls that ordinary runtimes try
and can do without (Go tries pidfd_send_signal, glibc tries clone3) are refused
quietly, so that no honest program is taken for an attacker.

Conditions look at the low 32 bits of one argument: every argument named here
is an `int` or a 32-bit flag for the kernel, which ignores what is above.
"""

from __future__ import annotations

import enum
import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

# name -> number on (x86_64, aarch64); None: the call does not exist there.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    "acct": (163, 89),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "chroot": (161, 51),
    "clock_settime": (227, 112),
    "clone": (56, 220),
    "clone3": (435, 435),
    "delete_module": (176, 106),
    "fanotify_init": (300, 262),
    "fcntl": (72, 25),
    "finit_module": (313, 273),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "init_module": (175, 105),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "ioperm": (173, None),
    "iopl": (172, None),
    "ioprio_set": (251, 30),
    "kcmp": (312, 272),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "lookup_dcookie": (212, 18),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_by_handle_at": (304, 265),
    "open_tree": (428, 428),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pivot_root": (155, 41),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "request_key": (249, 218),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "setns": (308, 268),
    "setpriority": (141, 140),
    "settimeofday": (164, 170),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "syslog": (103, 116),
    "tgkill": (234, 131),
    "tkill": (200, 130),
    "umount2": (166, 39),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}

# Refused always: other processes' memory, the kernel's own programs and keys, namespaces, mounts, the machine.
_ALWAYS = (
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "pidfd_getfd", "kcmp", "add_key",
    "request_key", "keyctl", "bpf", "perf_event_open", "userfaultfd", "fanotify_init", "open_by_handle_at",
    "lookup_dcookie", "io_uring_setup", "io_uring_enter", "io_uring_register", "unshare", "setns", "mount", "umount2",
    "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff",
    "acct", "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "sethostname", "setdomainname", "iopl",
    "ioperm", "syslog",
)  # fmt: skip
# Refused when the first argument is the runner, which has the program's own UID.
_AIMED = (
    "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "prlimit64", "sched_setparam",
    "sched_setscheduler", "sched_setattr", "sched_setaffinity",
)  # fmt: skip

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET}; NEWTIME is for unshare and clone3 alone
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # typing into a terminal
_FIOSETOWN, _SIOCSPGRP = 0x8901, 0x8902
_F_SETOWN, _F_SETOWN_EX = 8, 15  # with F_SETSIG: any signal to any process of the UID
_PRIO_USER, _IOPRIO_WHO_USER = 2, 3


class Test(enum.Enum):
    """How one argument is compared."""

    IN = "is one of"
    NOT_IN = "is none of"
    ANY_BIT = "has a bit of"


@dataclass(frozen=True)
class When:
    """A condition on the low 32 bits of argument `index`."""

    index: int
    test: Test
    values: tuple[int, ...]


@dataclass(frozen=True)
class Rule:
    """One refusal. `when` None: always."""

    call: str
    when: When | None = None
    errno: int = errno.EPERM
    counted: bool = True


def rules(runner: int, group: int) -> tuple[Rule, ...]:
    """Return the rules for a program that was started by process `runner` of process group `group`."""
    return (*_sockets(), *(Rule(call) for call in _ALWAYS), *_aimed_at(runner, group), *_quirks())


def _sockets() -> Iterable[Rule]:
    for call in ("socket", "socketpair"):
        yield Rule(call, When(0, Test.NOT_IN, (socket.AF_UNIX,)), errno.EAFNOSUPPORT)


def _aimed_at(runner: int, group: int) -> Iterable[Rule]:
    # kill(-1) spares process 1 itself; a runner that is not process 1 is not spared.
    everyone = () if runner == 1 else (-1,)
    yield Rule("kill", When(0, Test.IN, (runner, *({-group} - {-1, 0}), *everyone)))
    for call in _AIMED:
        yield Rule(call, When(0, Test.IN, (runner,)))
    for call, whole_user in (("setpriority", _PRIO_USER), ("ioprio_set", _IOPRIO_WHO_USER)):
        yield Rule(call, When(0, Test.IN, (whole_user,)))
        yield Rule(call, When(1, Test.IN, tuple({runner, group} - {0})))


def _quirks() -> Iterable[Rule]:
    yield Rule("clone", When(0, Test.ANY_BIT, (_NEW_NAMESPACES,)))
    # Its flags are in memory, which a filter cannot read; libraries fall back to clone.
    yield Rule("clone3", errno=errno.ENOSYS, counted=False)
    # A descriptor of /proc/1 would do as a target, so the argument says nothing.
    yield Rule("pidfd_send_signal", errno=errno.ENOSYS, counted=False)
    yield Rule("personality", When(0, Test.NOT_IN, (0, 0xFFFFFFFF)))
    yield Rule("ioctl", When(1, Test.IN, (_TIOCSTI, _TIOCLINUX)))
    yield Rule("ioctl", When(1, Test.IN, (_FIOSETOWN, _SIOCSPGRP)), counted=False)
    yield Rule("fcntl", When(1, Test.IN, (_F_SETOWN, _F_SETOWN_EX)), counted=False)
