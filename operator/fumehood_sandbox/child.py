"""From the fork to the program's first instruction.

`_contain` lists the containment steps in their order and the first failure ends
the child: a step that is left out is a hole, so nothing is executed then. The
child reports over a socket pair that closes on exec; its end means "executed".
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from . import kernel, landlock, limits, seccomp, signals
from .border.claim import Fault
from .border.task import Task
from .layout import Layout
from .refusals import Refusals

_START = 20.0  # seconds from fork to exec; a slow disk needs some
_REPORT, _RULESET = 3, 4  # descriptors in the child: the report socket, Landlock's rules
_LAST_DESCRIPTOR = 1 << 16
_NICE = 10  # below the runner, which must find its turn beside a thousand busy processes
_NOT_A_COMMAND = {
    errno.ENOENT, errno.EACCES, errno.ENOTDIR, errno.ENOEXEC, errno.ELOOP, errno.ENAMETOOLONG, errno.EISDIR
}  # fmt: skip
_PROTECTIONS = {"landlock", "seccomp"}


class StartError(Exception):
    """The program was not executed."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True)
class Child:
    """The running program: its first process, the reading ends of its pipes, its refused calls."""

    pid: int
    stdout: int
    stderr: int
    refusals: Refusals | None
    started: float  # CLOCK_MONOTONIC at exec


@dataclass(frozen=True)
class _Plan:
    """All that the child needs, made before the fork."""

    argv: list[bytes]
    env: Mapping[bytes, bytes]
    candidates: Sequence[bytes]  # paths to try, as a shell would
    folder: str
    limits: Mapping[int, int]
    ruleset: int | None  # Landlock's; None: this kernel has none, and may lack it
    filters: seccomp.Filters


def start(task: Task, layout: Layout, rlimits: Mapping[int, int]) -> Child:
    """Fork, contain and execute the task's command within `rlimits` (resource -> value).

    Raises:
        StartError: nothing was executed.
    """
    plan = _prepare(task, layout, rlimits)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stdout, stderr = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        _run(plan, theirs.fileno(), stdout[1], stderr[1])
    theirs.close()
    for descriptor in (stdout[1], stderr[1], plan.ruleset):
        if descriptor is not None:
            os.close(descriptor)
    with ours:
        refusals = _await(ours, pid, plan.filters)
    for descriptor in (stdout[0], stderr[0]):
        os.set_blocking(descriptor, False)
    return Child(pid, stdout[0], stderr[0], refusals, time.monotonic())


def _prepare(task: Task, layout: Layout, rlimits: Mapping[int, int]) -> _Plan:
    argv = [argument.encode() for argument in task.command.argv]
    env = {name.encode(): value.encode() for name, value in task.command.env.items()}
    if not argv or not argv[0] or any(b"\0" in text for text in (*argv, *env, *env.values())):
        raise StartError(Fault.COMMAND_NOT_FOUND, "the command is empty or not a command")
    try:
        ruleset = landlock.make(layout, task.egress)
        filters = seccomp.read(task.egress, task.record_violations)
    except OSError as error:
        raise StartError(Fault.SANDBOX_UNAVAILABLE, f"rules: {os.strerror(error.errno or 0)}") from None
    return _Plan(
        argv=argv,
        env=env,
        candidates=_candidates(argv[0], env.get(b"PATH", os.defpath.encode())),
        folder=layout.work,
        limits=rlimits,
        ruleset=ruleset,
        filters=filters,
    )


def _candidates(command: bytes, path: bytes) -> list[bytes]:
    if b"/" in command:
        return [command]
    return [os.path.join(folder, command) for folder in path.split(b":") if folder]


# In the child.


def _run(plan: _Plan, report: int, stdout: int, stderr: int) -> NoReturn:
    try:
        _contain(plan, report, stdout, stderr)
        _execute(plan)
    except _StepFailed as failure:
        os.write(_REPORT if failure.step != "descriptors" else report, f"{failure.step}:{failure.code}".encode())
    finally:
        os._exit(127)


class _StepFailed(Exception):
    def __init__(self, step: str, code: int) -> None:
        super().__init__(step)
        self.step = step
        self.code = code


def _contain(plan: _Plan, report: int, stdout: int, stderr: int) -> None:
    steps = (
        ("setsid", os.setsid),
        ("descriptors", lambda: _attach(stdout, stderr, report, plan.ruleset)),
        ("umask", lambda: os.umask(0)),  # the collector, another user, shall be able to read
        ("oom_score", _prefer_for_oom),
        ("nice", lambda: os.nice(_NICE)),
        ("limits", lambda: limits.apply(plan.limits)),
        ("folder", lambda: os.chdir(plan.folder)),
        ("signals", signals.restore),
        ("landlock", lambda: _restrict(plan)),
        ("seccomp", lambda: _filter(plan)),  # last: nothing of ours runs under it but exec
    )
    for name, step in steps:
        try:
            step()
        except Exception as error:
            raise _StepFailed(name, getattr(error, "errno", None) or 0) from None


def _attach(stdout: int, stderr: int, report: int, ruleset: int | None) -> None:
    # High copies first, so that no target number is still needed as a source.
    null = os.open("/dev/null", os.O_RDONLY)
    sources = [_high(descriptor) for descriptor in (null, stdout, stderr, report, ruleset) if descriptor is not None]
    for target, source in enumerate(sources):
        os.dup2(source, target, inheritable=target < _REPORT)
    os.closerange(len(sources), _LAST_DESCRIPTOR)


def _high(descriptor: int) -> int:
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 64)


def _prefer_for_oom() -> None:
    # /proc/self of a process that cannot be dumped belongs to root. Nothing
    # hostile runs yet, and exec makes the program dumpable in any case.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def _restrict(plan: _Plan) -> None:
    if plan.ruleset is not None:
        landlock.restrict(_RULESET)


def _filter(plan: _Plan) -> None:
    listener = seccomp.load(plan.filters)
    with socket.socket(fileno=os.dup(_REPORT)) as channel:
        if listener is None:
            channel.send(b"uncounted")
            return
        socket.send_fds(channel, [b"counting"], [listener])
    os.close(listener)


def _execute(plan: _Plan) -> NoReturn:
    failure = errno.ENOENT
    for candidate in plan.candidates:
        try:
            os.execve(candidate, plan.argv, plan.env)  # noqa: S606 - this is what it is for  # nosec B606
        except OSError as error:
            # As a shell: look on, but remember that something was there.
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                failure = error.errno or failure
    raise _StepFailed("exec", failure)


# In the runner.


def _await(channel: socket.socket, pid: int, filters: seccomp.Filters) -> Refusals | None:
    channel.settimeout(_START)
    try:
        message, descriptors, _, _ = socket.recv_fds(channel, 256, 1)
        report = channel.recv(256) if message in (b"uncounted", b"counting") else message
    except OSError:
        os.kill(pid, signal.SIGKILL)
        raise StartError(Fault.INTERNAL, "the program could not be started in time") from None
    refusals = Refusals(descriptors[0], filters.calls) if descriptors else None
    if report or not message:
        if refusals:
            refusals.close()
        raise _start_error(report.decode("ascii", "replace"))
    return refusals


def _start_error(report: str) -> StartError:
    step, _, code = report.partition(":")
    number = int(code) if code.isdigit() else 0
    text = f"{step or 'start'}: {os.strerror(number)}"
    if step == "exec" and number in _NOT_A_COMMAND:
        return StartError(Fault.COMMAND_NOT_FOUND, text)
    return StartError(Fault.SANDBOX_UNAVAILABLE if step in _PROTECTIONS else Fault.INTERNAL, text)
