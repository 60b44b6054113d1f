"""Whole attempts: collector and runner as two containers, against a small object store."""

from __future__ import annotations

import hashlib
import os
import signal

from fumehood_sandbox import wire
from fumehood_sandbox.wire import Ending, Limit
from unit.fumehood_sandbox.pod import SLEEP, Pod

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
