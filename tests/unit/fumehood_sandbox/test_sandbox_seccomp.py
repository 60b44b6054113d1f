"""The filter in the kernel: what it refuses, counts and ends; and which signals the runner believes."""

from __future__ import annotations

import ctypes
import dataclasses
import errno
import fcntl
import mmap
import os
import resource
import select
import signal
import socket
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from fumehood_sandbox import kernel, refusals, seccomp, signals
from unit.fumehood_sandbox.container import runtime_filter

Forked = Callable[[Callable[[], Any]], Any]


def filters(record: bool = True, egress: bool = False) -> seccomp.Filters:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    return seccomp.read(egress, record)


def load_uncounted(record: bool = True, egress: bool = False) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kernel.seccomp_load(filters(record, egress).uncounted, 0)


def failure(act: Callable[[], Any]) -> int | None:
    try:
        act()
    except OSError as error:
        return error.errno
    return 0


FAMILIES = (socket.AF_INET, socket.AF_NETLINK, socket.AF_UNIX)


@pytest.mark.parametrize(("egress", "expected"), [(False, [97, 97, 0]), (True, [0, 97, 0])])
def test_the_plain_filter_in_the_kernel(forked: Forked, egress: bool, expected: list[int]) -> None:
    def program() -> list[int | None]:
        load_uncounted(egress=egress)
        return [failure(partial(socket.socket, family)) for family in FAMILIES]

    assert forked(program) == expected  # 97: EAFNOSUPPORT


def test_the_killing_filter_in_the_kernel(forked: Forked) -> None:
    def program(act: Callable[[], Any]) -> int | None:
        load_uncounted(record=False)
        return failure(act)

    assert forked(lambda: program(partial(os.kill, os.getpid(), 0))) == 0
    assert forked(lambda: program(partial(fcntl.fcntl, 1, fcntl.F_SETOWN, 1))) == errno.EPERM
    assert forked(lambda: program(socket.socket)) == -signal.SIGSYS


def test_32_bit_calls_end_the_process(forked: Forked) -> None:
    if kernel.machine() != "x86_64":
        return  # an x86 matter

    def program() -> None:
        load_uncounted()
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")  # mov eax, getpid; int 0x80; ret
        ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()

    assert forked(program) in (-signal.SIGSYS, -signal.SIGSEGV)  # the latter where the kernel has no such calls


def test_where_there_is_a_listener_already_the_other_filter_is_loaded(forked: Forked) -> None:
    def program() -> tuple[bool, int | None]:
        ours = filters()
        empty = dataclasses.replace(ours, counting=runtime_filter([]))
        first = seccomp.load(empty)
        return first is not None and seccomp.load(ours) is None, failure(socket.socket)

    assert forked(program) == (True, errno.EAFNOSUPPORT)


def test_a_program_cannot_answer_its_own_refusals(forked: Forked) -> None:
    # A later filter that asks a listener of the program's own would come before ours; the kernel has one listener.
    def program() -> tuple[bool, int | None]:
        assert seccomp.load(filters()) is not None
        return True, failure(lambda: kernel.seccomp_load(runtime_filter([]), 1 << 3))

    assert forked(program) == (True, errno.EBUSY)


def test_calls_are_counted_by_name_also_when_the_caller_dies(forked: Forked) -> None:
    def program() -> dict[str, int]:
        ours, theirs = socket.socketpair()
        said, says = os.pipe()
        if os.fork() == 0:
            listener = seccomp.load(filters())
            assert listener is not None
            socket.send_fds(theirs, [b"x"], [listener])
            os.close(listener)
            if (caller := os.fork()) == 0:
                socket.socket()
            os.write(says, b"%d" % caller)
            os.waitpid(caller, 0)
            os.write(says, b".")
            failure(lambda: socket.socket(socket.AF_INET6))
            os._exit(0)
        _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
        counting = refusals.Refusals(descriptor, seccomp.read(False, True).calls)
        select.select([counting], [], [])  # the call waits for its answer
        os.kill(int(os.read(said, 20)), signal.SIGKILL)
        assert os.read(said, 1) == b"."  # the caller is gone
        while counting.answer():
            os.sched_yield()
        return counting.counts

    assert forked(program) == {"socket": 1}


def test_a_turn_answers_a_bounded_number_however_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"x")  # there is always something
    answered: list[None] = []

    def answer_one() -> None:
        assert len(answered) < 10 * refusals.TURN
        answered.append(None)

    with os.fdopen(reading), os.fdopen(writing):
        one = refusals.Refusals(reading, {})
        monkeypatch.setattr(one, "_answer_one", answer_one)
        assert one.answer()
    assert len(answered) == refusals.TURN


def test_only_a_kill_by_the_parent_is_believed(forked: Forked) -> None:
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
