"""The compiled filters, asked call by call in an interpreter: they say what the rules say, on both machines."""

from __future__ import annotations

import errno
import json
import signal
import socket
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumehood_sandbox import seccomp
from fumehood_sandbox.filters import __main__ as tool
from fumehood_sandbox.filters import libseccomp, rules
from fumehood_sandbox.filters.conditions import equalities
from fumehood_sandbox.filters.rules import ALL_BITS, Comparison, Rule, When
from fumehood_sandbox.seccomp import Kind
from unit.fumehood_sandbox import bpf

FILES = tool.files()
RULES = {(machine, egress): tool.known(rules.rules(egress), machine) for machine in seccomp.MACHINES for egress in (False, True)}
CASES = [
    pytest.param(*key, rule, id=f"{'-'.join(map(str, key))}-{at}-{rule.call}")
    for key, table in RULES.items()
    for at, rule in enumerate(table)
]
MINUS_ONE, STREAM, DGRAM, RAW = -1, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW
UNIX, INET, INET6 = socket.AF_UNIX, socket.AF_INET, socket.AF_INET6


def verdict(call: str, *arguments: int, machine: str = "x86_64", egress: bool = False, kind: Kind = Kind.COUNTING) -> int:
    number = libseccomp.number(call, machine)
    assert number is not None
    return bpf.run(FILES[seccomp.filter_name(machine, egress, kind)], bpf.AUDIT_ARCH[machine], number, arguments)


def refused(code: int) -> int:
    return 0x00050000 | code


# What the rules mean, said once more and more simply than the compiler says it.


def holds(when: When, argument: int) -> bool:
    value, values = argument & when.mask, {value & when.mask for value in when.values}
    if when.test is Comparison.ANY_BIT:
        return any(value & bits for bits in values)
    return (value in values) is (when.test is Comparison.IN)


def action(rule: Rule, kind: Kind) -> int:
    if rule.counted and kind is not Kind.PLAIN:
        return bpf.NOTIFY if kind is Kind.COUNTING else bpf.TRAP
    return refused(rule.errno)


def expected(table: tuple[Rule, ...], kind: Kind, call: str, arguments: tuple[int, ...]) -> set[int]:
    """Actions of all rules that hold; at most one, but for calls of which two rules say the same."""
    matching = (rule for rule in table if rule.call == call and all(holds(when, arguments[when.index]) for when in rule.when))
    return {action(rule, kind) for rule in matching} or {bpf.ALLOW}


def fitting(when: When, there: bool) -> int:
    """An argument for which the condition holds, or does not."""
    candidates = (*when.values, *(value + 1 for value in when.values), 0, 1 << 31, 77, 0xFFFF)
    return next(value for value in candidates if holds(when, value) is there)


@pytest.mark.parametrize(("machine", "egress", "rule"), CASES)
def test_a_matching_call_is_refused_and_one_that_differs_in_an_argument_is_not(machine: str, egress: bool, rule: Rule) -> None:
    matching = {when.index: fitting(when, True) for when in rule.when}
    arguments = tuple(matching.get(index, 0x1234) for index in range(6))
    for kind in Kind:
        assert verdict(rule.call, *arguments, machine=machine, egress=egress, kind=kind) == action(rule, kind)
    alone = [other for other in RULES[machine, egress] if other.call == rule.call] == [rule]
    for when in rule.when if alone else ():
        other = tuple(fitting(when, False) if index == when.index else value for index, value in enumerate(arguments))
        assert verdict(rule.call, *other, machine=machine, egress=egress) == bpf.ALLOW


# Not taken from the rules: a rule that is lost shall be missed.
FORBIDDEN = [
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "process_madvise",
    "process_mrelease",
    "pidfd_getfd",
    "kcmp",
    "add_key",
    "request_key",
    "keyctl",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "fanotify_init",
    "open_by_handle_at",
    "lookup_dcookie",
    "unshare",
    "setns",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "reboot",
    "swapon",
    "swapoff",
    "acct",
    "quotactl",
    "quotactl_fd",
    "settimeofday",
    "clock_settime",
    "sethostname",
    "setdomainname",
    "iopl",
    "ioperm",
    "syslog",
    "vhangup",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "clone3",
    "pidfd_send_signal",
    "memfd_secret",
    "shmget",
    "shmat",
    "shmctl",
    "shmdt",
    "semget",
    "semop",
    "semtimedop",
    "semctl",
    "msgget",
    "msgsnd",
    "msgrcv",
    "msgctl",
    "mq_open",
    "mq_unlink",
    "mq_timedsend",
    "mq_timedreceive",
    "mq_notify",
    "mq_getsetattr",
    "kill",
    "tkill",
    "tgkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "pidfd_open",
    "prlimit64",
    "sched_setparam",
    "sched_setscheduler",
    "sched_setattr",
    "sched_setaffinity",
    "migrate_pages",
    "move_pages",
    "setpriority",
    "ioprio_set",
    "personality",
]


@pytest.mark.parametrize("machine", seccomp.MACHINES)
@pytest.mark.parametrize("egress", [False, True])
@pytest.mark.parametrize("call", FORBIDDEN)
def test_what_leads_out_or_to_the_runner_is_refused(machine: str, egress: bool, call: str) -> None:
    runner = (1,) * 6
    if libseccomp.number(call, machine) is None:
        assert (call, machine) in {("iopl", "aarch64"), ("ioperm", "aarch64")}
    else:
        assert verdict(call, *runner, machine=machine, egress=egress, kind=Kind.PLAIN) & 0xFFFF0000 == refused(0)


INTERESTING = sorted({value for table in RULES.values() for rule in table for when in rule.when for value in when.values})
WORDS = st.one_of(
    st.sampled_from(INTERESTING), st.sampled_from(INTERESTING).map(lambda v: v + 1), st.integers(0, 20), st.integers(0, ALL_BITS)
)
ARGUMENTS = st.tuples(*[st.builds(lambda low, high: (low & ALL_BITS) | high << 32, WORDS, st.sampled_from([0, 1, 1 << 8, ALL_BITS]))] * 6)
CONDITIONAL = sorted({rule.call for table in RULES.values() for rule in table if rule.when})


@settings(max_examples=1000, deadline=None)
@given(st.sampled_from(sorted(RULES)), st.sampled_from(Kind), st.sampled_from(CONDITIONAL), ARGUMENTS)
def test_whatever_the_arguments_the_program_says_what_the_rules_say(
    key: tuple[str, bool], kind: Kind, call: str, arguments: tuple[int, ...]
) -> None:
    machine, egress = key
    assert {verdict(call, *arguments, machine=machine, egress=egress, kind=kind)} == expected(RULES[key], kind, call, arguments)


@pytest.mark.parametrize(("machine", "egress"), sorted(RULES))
def test_a_call_that_no_rule_names_is_allowed(machine: str, egress: bool) -> None:
    named = {libseccomp.number(rule.call, machine) for rule in RULES[machine, egress]}
    program = FILES[seccomp.filter_name(machine, egress, Kind.KILLING)]
    others = {number for number in range(600) if bpf.run(program, bpf.AUDIT_ARCH[machine], number, (1,) * 6) == bpf.ALLOW}
    assert others | named == set(range(600))
    assert not {number for number in named if number in others} - {libseccomp.number(call, machine) for call in CONDITIONAL}


@given(
    st.builds(
        When,
        st.just(0),
        st.sampled_from(Comparison),
        st.lists(WORDS.map(lambda v: v & ALL_BITS), min_size=1, max_size=4).map(tuple),
        st.sampled_from([ALL_BITS, 0xF, 0xFF00]),
    ),
    WORDS,
)
def test_masked_equalities_say_the_same_as_the_condition(when: When, argument: int) -> None:
    assert any(argument & mask == value for mask, value in equalities(when)) is holds(when, argument)


@pytest.mark.parametrize("machine", seccomp.MACHINES)
@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        ("socket", (UNIX,), bpf.ALLOW),
        ("socket", (UNIX | 1 << 32,), bpf.ALLOW),  # an int for the kernel
        ("socket", (INET,), bpf.NOTIFY),
        ("socket", (INET | 1 << 40,), bpf.NOTIFY),
        ("socket", (INET6, STREAM), bpf.NOTIFY),
        ("socket", (socket.AF_NETLINK,), bpf.NOTIFY),
        ("socketpair", (INET,), bpf.NOTIFY),
        ("kill", (1, 9), bpf.NOTIFY),
        ("kill", (1 | 1 << 32, 9), bpf.NOTIFY),
        ("kill", (MINUS_ONE, 9), bpf.ALLOW),  # spares process 1
        ("kill", (0, 9), bpf.ALLOW),
        ("tgkill", (1, 1, 9), bpf.NOTIFY),
        ("prlimit64", (0, 7), bpf.ALLOW),
        ("prlimit64", (1, 7), bpf.NOTIFY),
        ("move_pages", (1,), bpf.NOTIFY),
        ("setpriority", (0, 1), bpf.NOTIFY),
        ("setpriority", (2, 5), bpf.NOTIFY),
        ("setpriority", (0, 0), bpf.ALLOW),
        ("clone", (0x003D0F00,), bpf.ALLOW),  # what a thread asks for
        ("clone", (0x10000000 | signal.SIGCHLD,), bpf.NOTIFY),
        ("clone3", (), refused(errno.ENOSYS)),
        ("pidfd_send_signal", (3, 0), refused(errno.ENOSYS)),
        ("personality", (0xFFFFFFFF,), bpf.ALLOW),
        ("personality", (0,), bpf.ALLOW),
        ("personality", (0x0040000,), refused(errno.EPERM)),
        ("ioctl", (0, 0x5401), bpf.ALLOW),
        ("ioctl", (0, 0x5412), bpf.NOTIFY),
        ("ioctl", (0, 0x5412 | 1 << 35), bpf.NOTIFY),
        ("ioctl", (0, 0x541C), bpf.NOTIFY),
        ("fcntl", (0, 8, 1), refused(errno.EPERM)),
        ("flock", (3, 2), bpf.ALLOW),
        ("ptrace", (), bpf.NOTIFY),
        ("process_mrelease", (), bpf.NOTIFY),
        ("mount_setattr", (), bpf.NOTIFY),
        ("io_uring_setup", (), refused(errno.ENOSYS)),
        ("memfd_secret", (), refused(errno.ENOSYS)),
        ("memfd_create", (), bpf.ALLOW),
        ("shmget", (), refused(errno.ENOSYS)),
        ("mq_open", (), refused(errno.ENOSYS)),
        ("landlock_restrict_self", (), bpf.ALLOW),
    ],
)
def test_what_a_closed_filter_says(machine: str, call: str, arguments: tuple[int, ...], said: int) -> None:
    assert verdict(call, *arguments, machine=machine) == said


@pytest.mark.parametrize("machine", seccomp.MACHINES)
@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        ("socket", (INET, STREAM), bpf.ALLOW),
        ("socket", (INET6, DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.IPPROTO_UDP), bpf.ALLOW),
        ("socket", (INET, STREAM | 1 << 32, socket.IPPROTO_TCP), bpf.ALLOW),
        ("socket", (UNIX, RAW), bpf.ALLOW),
        ("socket", (INET, RAW), bpf.NOTIFY),
        ("socket", (INET6, RAW | socket.SOCK_CLOEXEC), bpf.NOTIFY),
        ("socket", (INET, 10), bpf.NOTIFY),  # packets of a device
        ("socket", (INET, DGRAM, socket.IPPROTO_ICMP), refused(errno.EPROTONOSUPPORT)),
        ("socket", (INET, STREAM, 262), refused(errno.EPROTONOSUPPORT)),  # MPTCP
        ("socket", (socket.AF_NETLINK, RAW), refused(errno.EAFNOSUPPORT)),
        ("socket", (socket.AF_PACKET, RAW), bpf.NOTIFY),
        ("socket", (socket.AF_VSOCK, STREAM), bpf.NOTIFY),
        ("socket", (38, 5), bpf.NOTIFY),  # AF_ALG
        ("socketpair", (INET, STREAM), bpf.NOTIFY),
        ("ptrace", (), bpf.NOTIFY),
        ("kill", (1, 9), bpf.NOTIFY),
    ],
)
def test_what_an_egress_filter_says(machine: str, call: str, arguments: tuple[int, ...], said: int) -> None:
    assert verdict(call, *arguments, machine=machine, egress=True) == said


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".bpf")])
def test_a_foreign_instruction_set_ends_the_process(name: str) -> None:
    own = bpf.AUDIT_ARCH[name.partition("-")[0]]
    for arch in (0x40000003, 0x40000028, *bpf.AUDIT_ARCH.values()):  # i386, arm
        assert (bpf.run(FILES[name], arch, 0) == bpf.KILL_PROCESS) is (arch != own)


def test_x32_ends_the_process() -> None:
    for call in (0, 41, 1000):
        assert bpf.run(FILES["x86_64-closed-counting.bpf"], bpf.AUDIT_ARCH["x86_64"], 0x40000000 | call, (UNIX,)) == bpf.KILL_PROCESS


def test_every_program_fits_into_the_kernel() -> None:
    assert all(len(content) % 8 == 0 and len(content) // 8 <= 4096 for name, content in FILES.items() if name.endswith(".bpf"))


@pytest.mark.parametrize("machine", seccomp.MACHINES)
def test_counted_calls_are_named_with_their_error(machine: str) -> None:
    calls = json.loads(FILES[seccomp.calls_name(machine)])
    counted = {(rule.call, rule.errno) for egress in (False, True) for rule in RULES[machine, egress] if rule.counted}
    assert {tuple(entry) for entry in calls.values()} == counted
    assert calls[str(libseccomp.number("socket", machine))] == ["socket", errno.EAFNOSUPPORT]


def test_only_calls_that_are_known_to_be_young_may_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libseccomp, "number", lambda call, machine: (_ for _ in ()).throw(libseccomp.UnknownCall(call)))
    assert tool.known([Rule(call) for call in rules.YOUNG], "x86_64") == ()
    with pytest.raises(libseccomp.UnknownCall, match="ptrace"):
        tool.known([Rule("ptrace")], "x86_64")


def test_the_files_are_what_was_compiled(tmp_path: Path) -> None:
    tool.main(str(tmp_path / "new"))
    assert {file.name: file.read_bytes() for file in (tmp_path / "new").iterdir()} == FILES
