"""The filter: its code in an interpreter of its own, and its effect in the kernel."""

from __future__ import annotations

import errno
import mmap
import os
import re
import resource
import signal
import socket
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fumehood_sandbox import kernel, refusals, rules, seccomp, signals

RUNNER = 77
TABLE = rules.rules(RUNNER, RUNNER)
UNAIMED = rules.rules(2**22, 2**22)  # a runner that does not exist
Forked = Callable[[Callable[[], Any]], Any]


def verdict(call: str, *arguments: int, machine: str = "x86_64", listener: bool = True, arch: int | None = None) -> int:
    """What the assembled program returns for a call."""
    column, own = seccomp.MACHINES[machine]
    number = rules.NUMBERS[call][column] if call in rules.NUMBERS else int(call, 0)
    assert number is not None
    padded = (*arguments, *(0,) * (6 - len(arguments)))
    data = struct.pack("<IIQ6Q", number, own if arch is None else arch, 0, *(a & (2**64 - 1) for a in padded))
    program = list(struct.iter_unpack("<HBBI", seccomp.assemble(TABLE, machine, listener=listener)))
    at = accumulator = 0
    while True:
        code, true, false, operand = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}[code]
            at += true if holds else false


ALLOW, NOTIFY = seccomp.ALLOW, seccomp.NOTIFY
MINUS_ONE = -1


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize(
    ("call", "arguments", "action"),
    [
        ("socket", (socket.AF_UNIX,), ALLOW),
        ("socket", (socket.AF_UNIX | 1 << 32,), ALLOW),  # an int for the kernel
        ("socket", (socket.AF_INET,), NOTIFY),
        ("socket", (socket.AF_INET | 1 << 40,), NOTIFY),
        ("socketpair", (socket.AF_INET,), NOTIFY),
        ("kill", (RUNNER, 9), NOTIFY),
        ("kill", (-RUNNER, 9), NOTIFY),
        ("kill", (MINUS_ONE, 9), NOTIFY),  # this runner is not process 1
        ("kill", (RUNNER + 1, 9), ALLOW),
        ("kill", (0, 9), ALLOW),
        ("tgkill", (RUNNER, RUNNER, 9), NOTIFY),
        ("prlimit64", (0, 7), ALLOW),
        ("prlimit64", (RUNNER, 7), NOTIFY),
        ("setpriority", (0, RUNNER), NOTIFY),
        ("setpriority", (2, 5), NOTIFY),
        ("setpriority", (0, 0), ALLOW),
        ("clone", (0x003D0F00,), ALLOW),  # what a thread asks for
        ("clone", (0x10000000 | signal.SIGCHLD,), NOTIFY),
        ("clone3", (), 0x00050000 | errno.ENOSYS),
        ("pidfd_send_signal", (3, 0), 0x00050000 | errno.ENOSYS),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0x0040000,), NOTIFY),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), NOTIFY),
        ("ioctl", (0, 0x5412 | 1 << 35), NOTIFY),
        ("fcntl", (0, 8, RUNNER), 0x00050000 | errno.EPERM),
        ("ptrace", (), NOTIFY),
        ("io_uring_setup", (), NOTIFY),
        ("0", (), ALLOW),
    ],
)
def test_what_the_program_says(machine: str, call: str, arguments: tuple[int, ...], action: int) -> None:
    assert verdict(call, *arguments, machine=machine) == action


def test_without_a_listener_the_error_is_the_answer() -> None:
    assert verdict("socket", socket.AF_INET, listener=False) == 0x00050000 | errno.EAFNOSUPPORT
    assert verdict("ptrace", listener=False) == 0x00050000 | errno.EPERM


def test_other_instruction_sets() -> None:
    assert verdict("0", arch=0x40000003) == seccomp.KILL_PROCESS
    assert verdict(hex(0x40000000 | 41), socket.AF_INET) == 0x00050000 | errno.ENOSYS
    assert verdict("0xffffffff") == 0x00050000 | errno.ENOSYS


def test_process_1_may_send_to_all() -> None:
    (rule,) = (rule for rule in rules.rules(1, 1) if rule.call == "kill")
    assert rule.when is not None
    assert rule.when.values == (1,)


def test_every_rule_has_a_number_and_the_program_fits() -> None:
    assert {rule.call for rule in TABLE} == set(rules.NUMBERS)
    for machine in seccomp.MACHINES:
        assert len(seccomp.assemble(TABLE, machine, listener=True)) // 8 <= 4096


@pytest.mark.parametrize(
    ("header", "column"), [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0), ("/usr/include/asm-generic/unistd.h", 1)]
)
def test_numbers_are_those_of_the_kernel_headers(header: str, column: int) -> None:
    path = Path(header)
    if not path.exists():
        pytest.skip("no kernel headers")
    known = {name: int(value) for name, value in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", path.read_text())}
    for name, numbers in rules.NUMBERS.items():
        if name in known and numbers[column] is not None:
            assert numbers[column] == known[name], name


def load_plain() -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.seccomp_load(seccomp.assemble(UNAIMED, kernel.machine(), listener=False), 0)


def failure(act: Callable[[], Any]) -> int | None:
    try:
        act()
    except OSError as error:
        return error.errno
    return 0


def test_the_plain_filter_in_the_kernel(forked: Forked) -> None:
    def program() -> list[int | None]:
        load_plain()
        return [failure(partial(socket.socket, family)) for family in (socket.AF_INET, socket.AF_NETLINK, socket.AF_UNIX)]

    assert forked(program) == [errno.EAFNOSUPPORT, errno.EAFNOSUPPORT, 0]


def test_32_bit_calls_end_the_process(forked: Forked) -> None:
    if kernel.machine() != "x86_64":
        pytest.skip("an x86 matter")

    def program() -> None:
        import ctypes

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        load_plain()
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()

    assert forked(program) in (-signal.SIGSYS, -signal.SIGSEGV)  # the latter where the kernel has no such calls


def test_where_there_is_a_listener_already_the_plain_filter_is_loaded(forked: Forked) -> None:
    def program() -> tuple[bool, int | None]:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        empty = seccomp.assemble((), kernel.machine(), listener=True)
        plain = seccomp.assemble(UNAIMED, kernel.machine(), listener=False)
        first = seccomp.load(empty, plain)
        return first is not None and seccomp.load(empty, plain) is None, failure(socket.socket)

    assert forked(program) == (True, errno.EAFNOSUPPORT)


def test_calls_are_counted_by_name_also_when_the_caller_dies(forked: Forked) -> None:
    machine = kernel.machine()
    programs = [seccomp.assemble(UNAIMED, machine, listener=flag) for flag in (True, False)]

    def program() -> dict[str, int]:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
            listener = seccomp.load(*programs)
            assert listener is not None
            socket.send_fds(theirs, [b"x"], [listener])
            os.close(listener)
            if os.fork() == 0:
                signal.setitimer(signal.ITIMER_REAL, 0.02)  # dies in the call if it is not answered before
                socket.socket()
            os.wait()
            failure(lambda: socket.socket(socket.AF_INET6))
            os._exit(0)
        theirs.close()
        _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
        counting = refusals.Refusals(descriptor, UNAIMED, machine)
        import time

        time.sleep(0.1)  # not a wait for something: the caller shall have died
        while counting.answer():
            os.sched_yield()
        return counting.counts

    assert forked(program) == {"socket": 1}


def test_only_a_kill_by_the_parent_is_believed(forked: Forked) -> None:
    import fcntl

    def forge(caught: signals.Signals) -> bool:
        if os.fork() == 0:
            os.kill(os.getppid(), signal.SIGTERM)
            os._exit(0)
        os.wait()
        return caught.terminated()

    def by_descriptor(caught: signals.Signals) -> bool:
        ours, theirs = socket.socketpair()
        fcntl.fcntl(ours, 10, signal.SIGTERM)  # F_SETSIG: the kernel sends it and names no sender
        fcntl.fcntl(ours, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC)
        theirs.send(b"x")
        assert signal.SIGTERM in signal.sigpending()
        return caught.terminated()

    def program() -> tuple[bool, bool, bool]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            caught = signals.take()
            forged = forge(caught), by_descriptor(caught)
            os.write(writing, b"ready")
            while not (genuine := caught.terminated()):
                os.sched_yield()
            os._exit(7 if (genuine, *forged) == (True, False, False) else 8)
        os.read(reading, 5)
        os.kill(pid, signal.SIGTERM)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])  # type: ignore[return-value]

    assert forked(program) == 7
