"""Whole attempts: collector and runner as two containers, against a small object store."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fumehood_sandbox import wire
from fumehood_sandbox.wire import Ending, Fault, Limit, Rejection
from unit.fumehood_sandbox.pod import DEADLINES, Pod, until

READY = "print('ready', flush=True)\n"
SLEEP = "import time; time.sleep(600)\n"


def reasons(manifest: wire.Manifest) -> dict[str, Rejection]:
    return {entry.name: entry.reason for entry in manifest.rejected}


def wait_for_output(runner: object, word: bytes = b"ready") -> None:
    """The runner copies what the program prints: that it is there means that the program got so far."""
    stream = runner.process.stdout  # type: ignore[attr-defined]
    assert word in stream.readline()


# Endings


def test_success_is_sealed_with_logs_and_manifest_last(pod: Pod) -> None:
    manifest = pod.run("print('hello'); open('/outputs/a.csv', 'w').write('x,y\\n1,2\\n')")
    assert (manifest.claim.ending, manifest.claim.exit_code, manifest.complete) == (Ending.EXITED, 0, True)
    (artifact,) = manifest.artifacts
    assert (artifact.name, artifact.kind, artifact.format, artifact.content_type) == ("a.csv", "dataset", "csv", "text/csv")
    assert artifact.digest == "sha256:" + hashlib.sha256(b"x,y\n1,2\n").hexdigest()
    assert pod.store.objects[artifact.key] == b"x,y\n1,2\n"
    assert manifest.stdout is not None
    assert (manifest.stdout.tail, manifest.stdout.truncated) == ("hello\n", False)
    assert manifest.sandbox is not None
    assert manifest.sandbox.seccomp
    assert manifest.claim.violations == {}
    assert {host for _, host in pod.store.requests} == {"store.example:9000"}


def test_exit_code_and_stderr_are_kept(pod: Pod) -> None:
    manifest = pod.run("import sys; print('bad', file=sys.stderr); sys.exit(3)")
    assert (manifest.claim.ending, manifest.claim.exit_code, manifest.complete) == (Ending.EXITED, 3, True)
    assert manifest.stderr is not None
    assert manifest.stderr.tail == "bad\n"


def test_its_own_death_by_a_signal(pod: Pod) -> None:
    manifest = pod.run("import os; open('/outputs/part.txt', 'w').write('x'); os.kill(os.getpid(), 9)")
    assert (manifest.claim.ending, manifest.claim.signal, manifest.complete) == (Ending.SIGNALLED, signal.SIGKILL, False)
    assert [artifact.name for artifact in manifest.artifacts] == ["part.txt"]


def test_wall_clock(pod: Pod) -> None:
    # How far the program comes in this time is chance; what is there when it is ended is harvested.
    (pod.base / "outputs" / "before.txt").write_text("x")
    manifest = pod.run("open('/outputs/part.txt', 'w').write('x')\n" + SLEEP, limits={"wall_clock": 0.5})
    breach = manifest.claim.breach
    assert breach is not None
    assert (manifest.claim.ending, breach.limit, breach.allowed) == (Ending.LIMIT, Limit.WALL_CLOCK, 0.5)
    assert breach.measured > 0.5
    assert [artifact.name for artifact in manifest.artifacts] == sorted(os.listdir(pod.base / "outputs"))


def test_cpu_time_of_all_processes_together(pod: Pod) -> None:
    program = "import os\nos.fork(); os.fork()\nwhile True: pass\n"
    manifest = pod.run(program, limits={"cpu_time": 0.8})
    assert manifest.claim.breach is not None
    assert manifest.claim.breach.limit is Limit.CPU_TIME
    assert manifest.claim.usage.cpu_seconds > 0.8


def test_output_flood_is_cut_and_kept_up_to_the_limit(pod: Pod) -> None:
    manifest = pod.run("import os\nwhile True: os.write(1, b'y' * 5000)\n", limits={"output": 10_000})
    assert manifest.claim.breach is not None
    assert manifest.claim.breach.limit is Limit.OUTPUT
    assert manifest.stdout is not None
    assert (manifest.stdout.size, manifest.stdout.truncated, manifest.complete) == (10_000, True, False)
    assert manifest.stdout.written > 10_000


def test_output_that_passes_the_limit_in_the_last_moment(pod: Pod) -> None:
    manifest = pod.run("import os; os.write(2, b'y' * 1001)", limits={"output": 1000})
    assert manifest.claim.breach == wire.Breach(Limit.OUTPUT, 1000, 1001)


def test_disk_flood(pod: Pod) -> None:
    program = "f = open('/tmp/big', 'wb')\nwhile True: f.write(b'x' * 65536); f.flush()\n"
    manifest = pod.run(program, limits={"disk": 8 << 20})
    assert manifest.claim.breach is not None
    assert (manifest.claim.ending, manifest.claim.breach.limit) == (Ending.LIMIT, Limit.DISK)


def test_disk_in_many_small_files(pod: Pod) -> None:
    program = "i = 0\nwhile True:\n  i += 1\n  open(f'/home/analyst/{i}', 'wb').write(b'x' * 4096)\n"
    manifest = pod.run(program, limits={"disk": 4 << 20})
    assert manifest.claim.breach is not None
    assert manifest.claim.breach.limit is Limit.DISK


def test_a_daemon_that_holds_the_pipes_is_gone_before_the_harvest(pod: Pod) -> None:
    program = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(1, b'daemon\\n')
        with open('/outputs/log', 'w') as f:
            open('/tmp/started', 'w').close()
            while True: f.write('x'); f.flush()
    os._exit(0)
while not os.path.exists('/tmp/started'): time.sleep(0.01)
"""
    manifest = pod.run(program)
    assert (manifest.claim.ending, manifest.claim.exit_code, manifest.complete) == (Ending.EXITED, 0, True)
    (artifact,) = manifest.artifacts
    assert (pod.base / "outputs" / "log").stat().st_size == artifact.size


# Signals


def test_sigterm_from_the_program_is_not_believed(pod: Pod) -> None:
    # /proc/1 is as good as a process descriptor, which is why that call is refused whoever it aims at.
    program = """
import ctypes, os, signal
for act in (lambda: os.kill(1, 15), lambda: os.kill(1, 2), lambda: signal.pidfd_send_signal(os.open('/proc/1', 0), 15)):
    try: act()
    except OSError as error: print(error.errno)
print('alive')
"""
    manifest = pod.run(program)
    assert manifest.claim.ending is Ending.EXITED
    assert manifest.stdout is not None
    assert manifest.stdout.tail == "1\n1\n38\nalive\n"
    assert manifest.claim.violations == {"kill": 2}


def test_sigterm_from_outside_ends_the_program_and_keeps_its_results(pod: Pod) -> None:
    program = "open('/outputs/part.txt', 'w').write('x')\n" + READY + SLEEP
    collector, runner = pod.start_collector(pod.order(program)), pod.start_runner()
    wait_for_output(runner)
    collector.kill(signal.SIGTERM)
    runner.kill(signal.SIGTERM)
    assert collector.wait()[0] == 0
    manifest = pod.manifest()
    assert (manifest.claim.ending, manifest.complete) == (Ending.TERMINATED, False)
    assert [artifact.name for artifact in manifest.artifacts] == ["part.txt"]
    assert runner.wait()[0] == 0


def test_death_of_the_runner_loses_nothing_that_was_there(pod: Pod) -> None:
    program = "open('/outputs/part.txt', 'w').write('x')\n" + READY + SLEEP
    collector, runner = pod.start_collector(pod.order(program)), pod.start_runner()
    wait_for_output(runner)
    runner.kill(signal.SIGKILL)
    assert collector.wait()[0] == 0
    manifest = pod.manifest()
    assert (manifest.claim.ending, manifest.complete) == (Ending.RUNNER_LOST, False)
    assert [artifact.name for artifact in manifest.artifacts] == ["part.txt"]
    assert manifest.stdout is not None
    assert manifest.stdout.tail == "ready\n"


def test_sigterm_before_the_task_starts_nothing(pod: Pod) -> None:
    runner = pod.start_runner()
    until(lambda: blocks_sigterm(runner.pid), "the runner blocks SIGTERM")
    runner.kill(signal.SIGTERM)
    collector = pod.start_collector(pod.order("open('/outputs/ran', 'w')"))
    assert collector.wait()[0] == 0
    assert pod.manifest().claim.ending is Ending.TERMINATED
    assert not os.listdir(pod.base / "outputs")


def blocks_sigterm(pid: int) -> bool:
    blocked = Path(f"/proc/{pid}/status").read_text().partition("SigBlk:\t")[2][:16]
    return bool(int(blocked, 16) & 1 << (signal.SIGTERM - 1))


def test_death_of_the_collector_ends_the_runner(pod: Pod) -> None:
    collector, runner = pod.start_collector(pod.order(READY + SLEEP)), pod.start_runner()
    wait_for_output(runner)
    collector.kill(signal.SIGKILL)
    code, said = runner.wait()
    assert (code, said) == (1, "fumehood runner: the collector is gone\n")


def test_the_runner_may_come_first(pod: Pod) -> None:
    runner = pod.start_runner()
    collector = pod.start_collector(pod.order("print(1)"))
    assert collector.wait()[0] == 0
    assert pod.manifest().complete
    assert runner.wait()[0] == 0


# What the program may not do


def test_sockets_are_refused_and_counted(pod: Pod) -> None:
    program = """
import socket, errno
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK, socket.AF_PACKET, 40, 38):
    try: socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error: assert error.errno == errno.EAFNOSUPPORT, error
    else: raise SystemExit(9)
a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1) == b'x'
"""
    manifest = pod.run(program)
    assert manifest.claim.exit_code == 0
    assert manifest.claim.violations == {"socket": 6}


def test_a_flood_of_refused_calls_does_not_stop_the_clocks(pod: Pod) -> None:
    # In seconds of its own processor time a program makes as many calls, however slowly that time comes.
    program = "import socket, os\nos.fork(); os.fork()\nwhile True:\n  try: socket.socket()\n  except OSError: pass\n"
    manifest = pod.run(program, limits={"cpu_time": 0.8})
    assert manifest.claim.breach is not None
    assert manifest.claim.breach.limit is Limit.CPU_TIME
    assert manifest.claim.violations["socket"] > 100


def test_the_runner_is_out_of_reach(pod: Pod) -> None:
    program = """
import os, resource
def refused(act):
    try: act()
    except OSError as error: return error.errno
    return 'done'
print(*map(refused, (
    lambda: open('/proc/1/environ').read(), lambda: open('/proc/1/mem').read(), lambda: os.listdir('/proc/1/fd'),
    lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (1, 1)), lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
    lambda: os.setpriority(os.PRIO_USER, os.getuid(), 19), lambda: os.sched_setaffinity(1, {0}),
    lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)), lambda: os.pidfd_open(1),
    lambda: open('/work/x', 'w'), lambda: open('/inputs/x', 'w'), lambda: open('/x', 'w'),
)))
"""
    manifest = pod.run(program)
    assert manifest.stdout is not None
    assert manifest.stdout.tail == "13 13 13 1 1 1 1 1 1 30 30 30\n"
    assert set(manifest.claim.violations) == {"prlimit64", "setpriority", "sched_setaffinity", "sched_setscheduler", "pidfd_open"}


def test_ordinary_programs_work(pod: Pod) -> None:
    program = """
import asyncio, concurrent.futures, fcntl, multiprocessing, os, subprocess, tempfile, threading
from multiprocessing import shared_memory
def square(x): return x * x
def fill(name):
    memory = shared_memory.SharedMemory(name); memory.buf[0] = 7; memory.close()
if __name__ == '__main__':
    thread = threading.Thread(target=print, args=('thread',)); thread.start(); thread.join()
    print(subprocess.run(['sh', '-c', 'echo shell | cat'], capture_output=True, text=True).stdout.strip())
    with multiprocessing.Pool(2) as pool: print(pool.map(square, [1, 2, 3]))
    with concurrent.futures.ProcessPoolExecutor(2, multiprocessing.get_context('spawn')) as pool: print(list(pool.map(square, [4])))
    print(asyncio.run(asyncio.sleep(0, 'loop')))
    memory = shared_memory.SharedMemory(create=True, size=8)
    process = multiprocessing.get_context('forkserver').Process(target=fill, args=(memory.name,)); process.start(); process.join()
    print(memory.buf[0]); memory.close(); memory.unlink()
    with multiprocessing.Manager() as manager: print(manager.list([1]))
    with tempfile.TemporaryDirectory() as folder, open(folder + '/lock', 'w') as file: fcntl.flock(file, fcntl.LOCK_EX); print('locked')
    with open(os.path.expanduser('~/.cache'), 'w') as file: print('cached', file=file)
    print(open(os.path.expanduser('~/.cache')).read().strip())
"""
    manifest = pod.run(program)
    assert manifest.stdout is not None
    assert manifest.stderr is not None
    assert manifest.stdout.tail.split("\n")[:-1] == [
        "thread", "shell", "[1, 4, 9]", "[16]", "loop", "7", "[1]", "locked", "cached"
    ], manifest.stderr.tail  # fmt: skip
    assert (manifest.claim.exit_code, manifest.claim.violations) == (0, {})


# What is left behind


def test_only_regular_files_with_decent_names_are_artifacts(pod: Pod) -> None:
    # Made beforehand: some of it only a kernel without Landlock lets a program make.
    program = """
import os, socket, sys
os.chdir(sys.argv[1])
open('good.txt', 'w').write('good')
os.symlink('good.txt', 'sibling'); os.symlink('/etc/passwd', 'passwd'); os.symlink('/proc/self/environ', 'environ')
os.mkdir('sub'); os.symlink('../good.txt', 'sub/inside'); os.symlink('../../etc', 'sub/outside')
os.mkfifo('fifo'); socket.socket(socket.AF_UNIX).bind('socket')
os.link('good.txt', 'zlink')
open('new\\nline', 'w'); open(b'\\xff\\xfe', 'w'); open('rtl\\u202etxt', 'w')
for _ in range(50): os.mkdir('deep'); os.chdir('deep')
open('bottom', 'w')
"""
    subprocess.run([sys.executable, "-c", program, pod.base / "outputs"], check=True)
    manifest = pod.run("pass")
    assert [artifact.name for artifact in manifest.artifacts] == ["good.txt"]
    found = reasons(manifest)
    deep = "/".join(["deep"] * 32)
    assert found == {
        "sibling": Rejection.SYMLINK, "passwd": Rejection.SYMLINK, "environ": Rejection.SYMLINK,
        "sub/inside": Rejection.SYMLINK, "sub/outside": Rejection.SYMLINK, "fifo": Rejection.SPECIAL,
        "socket": Rejection.SPECIAL, "zlink": Rejection.HARD_LINK, "new\\u000aline": Rejection.NAME,
        "\\xff\\xfe": Rejection.NAME, "rtl\\u202etxt": Rejection.NAME, deep: Rejection.DEPTH,
    }  # fmt: skip
    assert {entry.name for entry in manifest.rejected if entry.escape} == {"passwd", "environ", "sub/outside"}
    assert (manifest.complete, manifest.rejections) == (False, len(found))


def test_private_files_are_artifacts_like_others(pod: Pod) -> None:
    program = """
import os
os.umask(0o777); os.chdir('/outputs')
open('none', 'w').write('x'); os.mkdir('locked'); os.chmod('locked', 0o700); open('locked/in', 'w').write('y'); os.chmod('locked', 0)
"""
    manifest = pod.run(program)
    assert [artifact.name for artifact in manifest.artifacts] == ["locked/in", "none"]
    assert manifest.complete


def test_rules_choose_and_name_the_kind(pod: Pod) -> None:
    program = """
import os
os.makedirs('/outputs/a/b')
for name in ('x.png', 'a/x.png', 'a/b/x.csv', 'note'): open('/outputs/' + name, 'w').write(name)
"""
    rules = (wire.OutputRule("*.png", "plot"), wire.OutputRule("**/*.csv", "table"))
    manifest = pod.run(program, outputs=rules)
    assert [(artifact.name, artifact.kind) for artifact in manifest.artifacts] == [("a/b/x.csv", "table"), ("x.png", "plot")]
    assert [artifact.format for artifact in manifest.artifacts] == ["csv", "text"]
    assert reasons(manifest) == {"a/x.png": Rejection.NOT_DECLARED, "note": Rejection.NOT_DECLARED}
    assert manifest.complete


def test_limits_of_count_and_size_keep_the_first_that_fit(pod: Pod) -> None:
    program = "for n in 'abcd': open('/outputs/' + n, 'w').write(n * 10)\nopen('/outputs/bb', 'wb').truncate(1 << 40)\n"
    big = 64 << 40
    manifest = pod.run(program, limits={"artifacts": 3, "artifact_bytes": 25, "disk": big, "file_size": big})
    assert [artifact.name for artifact in manifest.artifacts] == ["a", "b"]
    assert reasons(manifest) == {"bb": Rejection.SIZE, "c": Rejection.SIZE, "d": Rejection.SIZE}
    assert manifest.harvest_breach == wire.Breach(Limit.ARTIFACTS, 3, 5)
    assert (manifest.claim.ending, manifest.complete) == (Ending.EXITED, False)


def test_names_that_other_systems_cannot_tell_apart(pod: Pod) -> None:
    program = "for n in ('Plot', 'plot', 'caf\\u00e9', 'cafe\\u0301', 'Note', 'note'): open('/outputs/' + n, 'w').write(n)\n"
    manifest = pod.run(program, outputs=(wire.OutputRule("[Ppcn]*", "export"),))
    assert [artifact.name for artifact in manifest.artifacts] == ["Plot", "cafe\u0301", "note"]
    assert reasons(manifest) == {"plot": Rejection.COLLISION, "caf\u00e9": Rejection.COLLISION, "Note": Rejection.NOT_DECLARED}
    assert not manifest.complete


def test_active_content_is_flagged_and_stored_as_bytes(pod: Pod) -> None:
    program = """
for name, text in {"a.svg": "<svg ><script/></svg>", "b.svg": "<svg ><g/></svg>", "c.txt": "<script>"}.items():
    open("/outputs/" + name, "w").write(text)
"""
    artifacts = pod.run(program).artifacts
    found = [(artifact.name, artifact.active, artifact.content_type, pod.store.types[artifact.key]) for artifact in artifacts]
    assert found == [
        ("a.svg", True, "image/svg+xml", "application/octet-stream"),
        ("b.svg", False, "image/svg+xml", "image/svg+xml"),
        ("c.txt", False, "text/plain", "text/plain"),
    ]


def test_equal_contents_are_stored_once(pod: Pod) -> None:
    manifest = pod.run("for n in 'abc': open('/outputs/' + n, 'w').write('same')\n")
    assert len({artifact.key for artifact in manifest.artifacts}) == 1
    assert len(manifest.artifacts) == 3
    assert len([method for method, _ in pod.store.requests if method == "POST"]) == 4  # one artifact, two logs, the manifest


# Inputs


def test_inputs_are_fetched_checked_and_read_only(pod: Pod) -> None:
    pod.store.gets["/in.csv"] = b"1,2\n"
    digest = hashlib.sha256(b"1,2\n").hexdigest()
    inputs = (
        wire.File("data/in.csv", remote=pod.remote("/in.csv"), sha256=f"sha256:{digest}", max_bytes=4),
        wire.File("parameters.json", text='{"window": 12}'),
    )
    program = "print(open('/inputs/data/in.csv').read().strip(), open('/inputs/parameters.json').read())"
    manifest = pod.run(program, inputs=inputs)
    assert manifest.stdout is not None
    assert manifest.stdout.tail == '1,2 {"window": 12}\n'


def staged(pod: Pod, **fields: object) -> wire.Claim:
    pod.store.gets["/in.csv"] = b"1,2\n"
    file = wire.File("in.csv", **{"remote": pod.remote("/in.csv"), **fields})  # type: ignore[arg-type]
    manifest = pod.run("open('/outputs/ran', 'w')", inputs=(file,))
    assert not manifest.artifacts, "the program ran"
    assert manifest.claim.ending is Ending.NOT_STARTED
    assert not manifest.complete
    return manifest.claim


def test_an_input_with_another_digest(pod: Pod) -> None:
    assert staged(pod, sha256="sha256:" + "0" * 64).fault is Fault.INPUT_DIGEST


def test_an_input_that_is_missing(pod: Pod) -> None:
    assert staged(pod, remote=pod.remote("/none")).fault is Fault.INPUT_MISSING


def test_an_input_that_is_too_large(pod: Pod) -> None:
    assert staged(pod, max_bytes=3).fault is Fault.INPUT_TOO_LARGE


def test_an_input_that_is_refused(pod: Pod) -> None:
    pod.store.faults = [403]
    assert staged(pod).fault is Fault.STORE_REFUSED


def test_a_name_that_leads_elsewhere_is_not_staged(pod: Pod) -> None:
    manifest = pod.run("pass", inputs=(wire.File("../work/x", text="x"),))
    assert manifest.claim.fault is Fault.INTERNAL
    assert not (pod.base / "work" / "x").exists()


# The store


def test_a_store_that_fails_twice_is_asked_again(pod: Pod) -> None:
    pod.store.faults = [500, 503]
    assert pod.run("open('/outputs/a', 'w').write('x')").complete


def test_a_store_that_refuses(pod: Pod) -> None:
    pod.store.faults = [403]
    collector, runner = pod.start_collector(pod.order("pass")), pod.start_runner()
    code, said = collector.wait()
    assert (code, said, pod.seal().fault, pod.seal().digest) == (1, "", Fault.STORE_REFUSED, None)
    assert runner.wait()[0] == 0


def test_a_store_that_is_down(pod: Pod) -> None:
    order = pod.order("pass", deadlines=dataclasses.replace(DEADLINES, harvest=1, sealing=1))
    pod.store.stop()
    collector, _ = pod.start_collector(order), pod.start_runner()
    assert collector.wait()[0] == 1
    seal = pod.seal()
    assert (seal.uid, seal.attempt, seal.fault) == ("uid-1", 1, Fault.STORE_UNREACHABLE)
    assert seal.detail in ("connect: ConnectionRefusedError", "the deadline is over")  # the latter if no try was in time


def test_an_artifact_that_the_permit_does_not_cover(pod: Pod) -> None:
    pod.store.max_size = 5000
    manifest = pod.run("open('/outputs/a', 'w').write('x' * 6000); open('/outputs/b', 'w').write('x')")
    assert reasons(manifest) == {"a": Rejection.SIZE}
    assert [artifact.name for artifact in manifest.artifacts] == ["b"]


# What keeps a program from being started


def test_a_missing_protection_starts_nothing(pod: Pod) -> None:
    collector, runner = pod.start_collector(pod.order("open('/outputs/ran', 'w')")), pod.start_runner("seccomp")
    assert collector.wait()[0] == 0
    claim = pod.manifest().claim
    assert (claim.ending, claim.fault, claim.detail) == (Ending.NOT_STARTED, Fault.SANDBOX_UNAVAILABLE, "missing: seccomp")
    assert runner.wait()[0] == 0
    assert not os.listdir(pod.base / "outputs")


def test_all_missing_protections_are_named(pod: Pod) -> None:
    collector, _ = pod.start_collector(pod.order("pass")), pod.start_runner("no_new_privs")
    assert collector.wait()[0] == 0
    assert pod.manifest().claim.detail == "missing: no_new_privs, seccomp"


def test_a_command_that_does_not_exist(pod: Pod) -> None:
    claim = pod.run(("no-such-program",)).claim
    assert (claim.ending, claim.fault, claim.detail) == (
        Ending.NOT_STARTED, Fault.COMMAND_NOT_FOUND, "exec: No such file or directory",
    )  # fmt: skip


def test_the_command_is_looked_up_in_its_own_path(pod: Pod) -> None:
    manifest = pod.run(("echo", "found"))
    assert manifest.stdout is not None
    assert manifest.stdout.tail == "found\n"


def test_no_runner(pod: Pod) -> None:
    order = pod.order("pass", deadlines=dataclasses.replace(DEADLINES, hello=0.3))
    assert pod.start_collector(order).wait()[0] == 0
    claim = pod.manifest().claim
    assert (claim.ending, claim.fault) == (Ending.NOT_STARTED, Fault.RUNNER_ABSENT)


@pytest.mark.parametrize("version", ["1", 2])
def test_an_order_that_cannot_be_read(pod: Pod, version: object) -> None:
    order = pod.order("pass")
    container = pod.start_collector(dataclasses.replace(order, version=version))  # type: ignore[arg-type]
    assert container.wait() == (1, "fumehood collector: DecodeError\n")
    assert (pod.seal().uid, pod.seal().fault, pod.seal().detail) == ("", Fault.INTERNAL, "DecodeError")


def test_a_second_connection_is_refused(pod: Pod) -> None:
    collector, runner = pod.start_collector(pod.order(READY + SLEEP)), pod.start_runner()
    wait_for_output(runner)

    def connect() -> int:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", wire.PORT))

    assert pod._do(connect) == 111  # ECONNREFUSED
    runner.kill(signal.SIGTERM)
    assert collector.wait()[0] == 0


def test_a_peer_that_speaks_nonsense_is_a_lost_runner(pod: Pod) -> None:
    collector = pod.start_collector(pod.order("pass"))
    pod._do(lambda: until(lambda: speak(b"\x01\xff\xff\xff\xff"), "the collector listens"))
    assert collector.wait()[0] == 0
    claim = pod.manifest().claim
    assert (claim.fault, claim.detail) == (Fault.RUNNER_ABSENT, "the runner did not say hello")


def speak(words: bytes) -> bool:
    """Say something to the collector and wait until it has left; False if it does not listen."""
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", wire.PORT)) != 0:
            return False
        client.sendall(words)
        client.recv(1)
        return True


def test_nothing_of_the_order_reaches_the_analysis(pod: Pod) -> None:
    secret = pod.store.fields["x-amz-signature"] = "canary-5a1e"
    program = "import os\nfor r, d, f in os.walk('/proc'): pass\nos.system('cat /proc/*/environ /run/fumehood/* 2>/dev/null')"
    manifest = pod.run(program)
    assert secret.encode() not in b"".join(pod.store.objects.values())
    assert manifest.claim.ending is Ending.EXITED
