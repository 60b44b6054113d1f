"""Each protection of the program's container, by a test that fails without it."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fumehood_sandbox import child, kernel, landlock, layout, protections, wire
from fumehood_sandbox.wire import Ending, Fault
from unit.fumehood_sandbox.pod import ANALYSIS_UID, LIMITS, PYTHON, Pod, until

Forked = Callable[[Callable[[], Any]], Any]
EACCES, EPERM = 13, 1
TRY = """
import os, socket, sys
def error_of(act):
    try: act()
    except OSError as error: return error.errno
    return 0
def errors_of(**acts): print({name: error_of(act) for name, act in acts.items()})
def write(path): os.close(os.open(path, os.O_WRONLY))
def read(path):
    with open(path, 'rb') as file: file.read(1)
def make(path): os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
def bind(path):
    with socket.socket(socket.AF_UNIX) as s: s.bind(path)
"""
SLEEP = "import time; time.sleep(600)"


def printed(manifest: wire.Manifest) -> Any:
    """What the program printed, as Python."""
    assert manifest.stdout is not None and manifest.stderr is not None
    assert manifest.claim.exit_code == 0, manifest.stderr.tail
    return eval(manifest.stdout.tail)


# What must be there before anything starts


@pytest.mark.parametrize(
    ("without", "named"),
    [
        ("seccomp", "seccomp"),
        ("no_new_privs", "no_new_privs, seccomp"),  # the runtime's filter takes it
        ("non_root", "capabilities, non_root"),
        ("seccomp_filter", "seccomp_filter"),
        ("landlock", "landlock"),
        ("read_only_root", "read_only_root"),
        ("pid_namespace", "pid_namespace"),
    ],
)
def test_nothing_starts_without_a_protection(pod: Pod, without: str, named: str) -> None:
    claim = pod.run("open('/outputs/ran', 'w')", without=(without,)).claim
    assert (claim.ending, claim.fault, claim.detail) == (Ending.NOT_STARTED, Fault.SANDBOX_UNAVAILABLE, f"missing: {named}")
    assert not os.listdir(pod.base / "outputs")


def test_nothing_starts_without_compiled_filters(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fumehood_sandbox.seccomp.FOLDER", str(tmp_path))
    assert "seccomp_filter" in protections.probe()[1]


def test_nothing_starts_with_rules_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fumehood_sandbox.seccomp.FOLDER", str(tmp_path))
    with pytest.raises(child.StartError, match="rules: No such file") as raised:
        child.start(wire.Task(wire.Command(("true",), {}), LIMITS), layout.Layout(), 0)
    assert raised.value.fault is Fault.SANDBOX_UNAVAILABLE


@pytest.mark.parametrize(
    ("log", "missing"), [(b"[    0.0] Starting gVisor...", False), (b"[    0.0] Linux version 6.1", True), (b"", True)]
)
def test_only_a_kernel_of_its_own_may_lack_landlock(monkeypatch: pytest.MonkeyPatch, log: bytes, missing: bool) -> None:
    monkeypatch.setattr(kernel, "kernel_log", lambda: log)
    monkeypatch.setattr(kernel, "landlock_abi", lambda: landlock.FLOOR - 1)
    assert ("landlock" in protections.probe()[1]) is missing


def test_the_level_of_landlock_is_reported(pod: Pod) -> None:
    sandbox = pod.run("pass").sandbox
    assert sandbox is not None
    assert sandbox.landlock_abi == min(kernel.landlock_abi(), landlock.NEWEST) >= landlock.FLOOR


# System calls


def test_refused_calls_are_counted(pod: Pod) -> None:
    program = TRY + "errors_of(inet=socket.socket, ptrace=lambda: os.pidfd_open(1), unix=socket.socketpair)"
    manifest = pod.run(program)
    assert printed(manifest) == {"inet": 97, "ptrace": EPERM, "unix": 0}
    assert (manifest.claim.violations, manifest.record_violations) == ({"socket": 1, "pidfd_open": 1}, False)


def test_a_manifest_says_that_violations_are_but_recorded(pod: Pod) -> None:
    manifest = pod.run("import socket\ntry: socket.socket()\nexcept OSError: pass", record_violations=True)
    assert (manifest.claim.violations, manifest.record_violations) == ({"socket": 1}, True)


@pytest.mark.parametrize(("egress", "expected"), [(False, (97, 97)), (True, (0, 97))])
def test_egress_opens_internet_sockets_and_no_others(pod: Pod, egress: bool, expected: tuple[int, int]) -> None:
    program = TRY + f"errors_of(a=lambda: socket.create_connection(('127.0.0.1', {pod.store.port})), b=lambda: socket.socket(17, 3))"
    assert printed(pod.run(program, egress=egress)) == dict(zip("ab", expected, strict=True))


def test_where_refusals_cannot_be_counted_they_end_the_process(pod: Pod) -> None:
    claim = pod.run("import socket\ntry: socket.socket()\nexcept OSError: print('unseen')", without=("listener",)).claim
    assert (claim.ending, claim.signal, claim.violations) == (Ending.SIGNALLED, signal.SIGSYS, {"unknown": 1})


def test_an_orphan_that_a_filter_ended_is_seen(pod: Pod) -> None:
    program = """
import os, socket
reading, writing = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        socket.socket()
    os._exit(0)
os.close(writing)
os.wait(); os.read(reading, 1)  # the end: the orphan is gone
"""
    claim = pod.run(program, without=("listener",)).claim
    assert (claim.ending, claim.exit_code, claim.violations) == (Ending.EXITED, 0, {"unknown": 1})


def test_where_refusals_cannot_be_counted_and_are_but_recorded_the_error_is_all(pod: Pod) -> None:
    manifest = pod.run(TRY + "errors_of(inet=socket.socket)", without=("listener",), record_violations=True)
    assert (printed(manifest), manifest.claim.violations) == ({"inet": 97}, {})


# Files


def test_landlock_shuts_what_is_not_for_the_program(pod: Pod) -> None:
    program = (
        TRY
        + f"""
errors_of(
    log=lambda: write('{wire.TERMINATION_LOG}'), run=lambda: read('/run/secret'), payload=lambda: os.listdir('{wire.PAYLOAD}'),
    nodes=lambda: os.listdir('/sys/devices/system/node'), root=lambda: os.listdir('/'),
    devices=lambda: os.listdir('/dev'), proc=lambda: write('/proc/self/comm'),
)
"""
    )
    assert printed(pod.run(program)) == dict.fromkeys(("log", "run", "payload", "nodes", "root", "devices", "proc"), EACCES)


def test_landlock_lets_only_files_and_folders_be_made_in_outputs(pod: Pod) -> None:
    program = (
        TRY
        + """
os.chdir('/outputs'); os.umask(0)
errors_of(
    link=lambda: os.symlink('/etc/passwd', 'link'), fifo=lambda: os.mkfifo('fifo'), socket=lambda: bind('socket'),
    char=lambda: os.mknod('char', 0o20666, os.makedev(1, 3)), block=lambda: os.mknod('block', 0o60666, os.makedev(7, 0)),
    folder=lambda: os.makedirs('a/b'), file=lambda: make('a/x'), moved=lambda: os.rename('a/x', 'a/b/y'),
    linked=lambda: os.link('a/b/y', 'a/z'), cut=lambda: os.truncate('a/z', 0), removed=lambda: os.unlink('a/z'),
)
"""
    )
    closed, opened = ("link", "fifo", "socket", "char", "block"), ("folder", "file", "moved", "linked", "cut", "removed")
    manifest = pod.run(program)
    assert printed(manifest) == dict.fromkeys(closed, EACCES) | dict.fromkeys(opened, 0)
    assert [artifact.name for artifact in manifest.artifacts] == ["a/b/y"]


def test_landlock_lets_scratch_folders_be_used_as_such(pod: Pod) -> None:
    program = (
        TRY
        + """
def use(folder):
    os.chdir(folder); make('a'); os.mkdir('d'); os.rename('a', 'd/a'); os.symlink('d/a', 'l'); read('l'); bind('s'); os.mkfifo('f')
    with open('run', 'w') as file: file.write('#!/bin/sh\\nexit 3')
    os.chmod('run', 0o755); assert os.waitstatus_to_exitcode(os.system('./run')) == 3
def share(): make('/dev/shm/a'); os.rename('/dev/shm/a', '/dev/shm/b'); os.unlink('/dev/shm/b')
errors_of(tmp=lambda: use('/tmp'), home=lambda: use('/home/analyst'), shm=share, shm_link=lambda: os.symlink('/etc', '/dev/shm/l'))
"""
    )
    assert printed(pod.run(program)) == {"tmp": 0, "home": 0, "shm": 0, "shm_link": EACCES}


def test_what_ordinary_runtimes_look_at_is_open(pod: Pod) -> None:
    program = (
        TRY
        + """
errors_of(
    work=lambda: os.listdir('/work'), inputs=lambda: os.listdir('/inputs'), own=lambda: read('/proc/self/status'), cpus=os.cpu_count,
    cpuinfo=lambda: read('/proc/cpuinfo'), memory=lambda: read('/proc/meminfo'), online=lambda: read('/sys/devices/system/cpu/online'),
    null=lambda: open('/dev/null', 'w').write('x'), zero=lambda: read('/dev/zero'), random=lambda: read('/dev/urandom'),
    groups=lambda: os.listdir('/sys/fs/cgroup'), out=lambda: open('/proc/self/fd/2', 'w').write(''), users=lambda: read('/etc/passwd'),
)
"""
    )
    assert set(printed(pod.run(program)).values()) == {0}


def test_grants_leave_out_the_payload_and_what_is_no_image() -> None:
    paths = landlock.grants(layout.Layout())
    parents = {str(parent) for parent in Path(wire.PAYLOAD).parents} | {wire.PAYLOAD, "/dev", "/run", "/sys", wire.TERMINATION_LOG}
    assert not parents & set(paths)
    assert paths["/usr"] == landlock.RUN and paths["/proc"] == paths[wire.INPUTS] == landlock.READ


# Landlock alone, without the filter that stands before some of it


def restricted(egress: bool = False) -> None:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    ruleset = landlock.make(layout.Layout(), egress)
    assert ruleset is not None
    landlock.restrict(ruleset)


def failure(act: Callable[[], Any]) -> int | None:
    try:
        act()
    except OSError as error:
        return error.errno
    return 0


@pytest.mark.parametrize(("egress", "expected"), [(False, EACCES), (True, 0)])
def test_landlock_shuts_tcp_unless_there_is_egress(forked: Forked, egress: bool, expected: int) -> None:
    server = socket.create_server(("127.0.0.1", 0))

    def program() -> tuple[int | None, int | None]:
        restricted(egress)
        return failure(lambda: socket.create_connection(server.getsockname())), failure(lambda: socket.create_server(("127.0.0.1", 0)))

    with server:
        assert forked(program) == (expected, expected)


def test_landlock_keeps_signals_and_abstract_sockets_in(forked: Forked) -> None:
    name = f"\0fumehood-{os.getpid()}"
    outside = os.getpid()

    def inside() -> int:
        child = os.fork()
        if child == 0:
            signal.pause()
        os.kill(child, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def program() -> tuple[int | None, ...]:
        restricted()
        with socket.socket(socket.AF_UNIX) as client:
            return failure(lambda: os.kill(outside, 0)), failure(lambda: client.connect(name)), inside()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen()
        assert forked(program) == (EPERM, EPERM, -signal.SIGKILL)


# The process


def test_the_environment_is_what_the_task_says(pod: Pod) -> None:
    command = wire.Command((PYTHON, "-I", "-c", "import os; print(sorted(os.environ))"), {"GIVEN": "1"})
    assert printed(pod.run("", command=command)) == ["GIVEN", "LC_CTYPE"]  # the latter is Python's own doing


def test_no_descriptor_is_inherited(pod: Pod) -> None:
    # The harness leaks one into the runner, as CVE-2024-21626 did.
    manifest = pod.run(
        "import os; print([os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in sorted(os.listdir('/proc/self/fd'))[:-1]])"
    )
    assert printed(manifest) == ["/dev/null", "pipe", "pipe"]


def test_the_runner_cannot_be_dumped(pod: Pod) -> None:
    collector, runner = pod.start_collector(pod.order(SLEEP)), pod.start_runner()
    program = until(lambda: children(runner.pid), "the program")[0]
    # What a process that cannot be dumped has in /proc belongs to root, and its user may not read it.
    until(lambda: owner(program) == ANALYSIS_UID, "the program is its user's own, as any is that was executed")
    assert owner(runner.pid) == 0
    runner.kill(signal.SIGTERM)
    assert collector.wait()[0] == 0


def test_the_runner_has_no_handler_that_would_make_it_mortal(pod: Pod) -> None:
    collector, runner = pod.start_collector(pod.order(SLEEP)), pod.start_runner()
    until(lambda: children(runner.pid), "the program")
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM}:
        runner.kill(number)
    runner.kill(signal.SIGTERM)  # which who is dead does not obey
    assert collector.wait()[0] == 0
    assert pod.manifest().claim.ending is Ending.TERMINATED


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def owner(pid: int) -> int:
    return os.stat(f"/proc/{pid}/environ").st_uid


def test_the_program_has_a_session_and_limits_of_its_own(pod: Pod) -> None:
    program = """
import os, resource
print(os.getsid(0) == os.getpid(), resource.getrlimit(resource.RLIMIT_CORE), resource.getrlimit(resource.RLIMIT_NPROC)[1] < 5000,
      open('/proc/self/oom_score_adj').read().strip(), os.nice(0), sep=',')
"""
    nice = min(19, os.nice(0) + 10)  # above the runner's, which is ours
    assert printed(pod.run(program)) == (True, (0, 0), True, 1000, nice)
