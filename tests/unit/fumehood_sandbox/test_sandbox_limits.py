"""Hostile programs, one or more for each limit that is not on time, CPU, memory or output."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fumehood_sandbox import wire
from fumehood_sandbox.wire import Breach, Ending, Limit, Rejection
from unit.fumehood_sandbox.pod import DEADLINES, Pod

GROUPS = Path("/sys/fs/cgroup")
CROWD = """
import os, sys
open(sys.argv[1], 'w').write('0')
children = [os.fork() or os._exit(0) for _ in range(int(sys.argv[2]))]
for child in children: os.wait()
"""
KEEP = "open('/outputs/0-before.txt', 'w').write('kept')\n"
SLEEP = "\nimport time; time.sleep(600)\n"
MIB = 1 << 20

Run = Callable[..., wire.Manifest]


def breach_of(manifest: wire.Manifest) -> Breach:
    """The breach of a job that was ended for one, what it had written being there."""
    assert (manifest.claim.ending, manifest.complete) == (Ending.LIMIT, False), manifest.claim
    assert "0-before.txt" in [artifact.name for artifact in manifest.artifacts]
    assert manifest.claim.breach is not None
    return manifest.claim.breach


def assert_too_many(breach: Breach, allowed: int) -> None:
    """Seen to have passed the limit, and kept from going on by the wall behind it."""
    assert (breach.limit, breach.allowed) == (Limit.PROCESSES, allowed)
    assert allowed < breach.measured <= allowed + 9


@pytest.fixture
def counted(pod: Pod) -> Iterator[Run]:
    """Run a program in a control group that counts tasks, and that had as many as `before` at once when it was new."""
    second = (GROUPS / "cgroup.controllers").exists()
    place = GROUPS if second else GROUPS / "pids"
    group = place / f"fumehood-test-{uuid.uuid4().hex[:8]}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("control groups cannot be made here")
    if not (group / "pids.peak").exists():
        group.rmdir()
        pytest.skip("this kernel keeps no highest number of tasks")

    def run(program: str, before: int = 0, **limits: Any) -> wire.Manifest:
        if before:
            subprocess.run([sys.executable, "-c", CROWD, str(group / "cgroup.procs"), str(before - 1)], check=True)
            assert int((group / "pids.peak").read_text()) >= before
        collector, runner = pod.start_collector(pod.order(program, limits=limits)), pod.start_runner(groups={str(place): group})
        assert collector.wait()[0] == 0
        assert runner.wait()[0] == 0
        return pod.manifest()

    yield run
    group.rmdir()


# Processes


def forks(number: int, end: str) -> str:
    """A program of `number` processes at once, itself included; it ends as `end` says when one is refused, else well."""
    return f"""
import os
reading, writing = os.pipe()
try:
    for _ in range({number - 1}):
        if os.fork() == 0:
            os.close(writing); os.read(reading, 1); os._exit(0)
except OSError:
    {end}
"""


@pytest.mark.parametrize("before", [0, 12])
@pytest.mark.parametrize("end", ["raise SystemExit(1)", "os._exit(0)"])
def test_a_program_that_reaches_the_wall_and_is_gone_at_once(counted: Run, before: int, end: str) -> None:
    manifest = counted(KEEP + forks(20, end), before, processes=6)
    assert_too_many(breach_of(manifest), 6)


@pytest.mark.parametrize("before", [0, 12])
def test_a_program_that_stays_within_and_fails_for_its_own_reasons(counted: Run, before: int) -> None:
    manifest = counted(forks(6, "raise") + "raise SystemExit('Resource temporarily unavailable')", before, processes=6)
    assert (manifest.claim.ending, manifest.claim.exit_code) == (Ending.EXITED, 1)


def test_one_process_may_be_all(counted: Run) -> None:
    assert counted("print(1)", 12, processes=1).claim.ending is Ending.EXITED


def test_threads_count_as_processes(counted: Run) -> None:
    program = """
import threading
gate = threading.Event()
while True: threading.Thread(target=gate.wait, daemon=True).start()
"""
    assert_too_many(breach_of(counted(KEEP + program, processes=30)), 30)


def test_a_fork_bomb_that_does_not_give_up(counted: Run) -> None:
    program = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass\n"
    assert_too_many(breach_of(counted(KEEP + program, processes=300)), 300)


def test_a_bomb_of_threads_and_processes_where_nobody_counts(pod: Pod) -> None:
    program = """
import os, threading, time
def bomb():
    while True:
        try: os.fork() and threading.Thread(target=bomb).start()
        except (OSError, RuntimeError): time.sleep(0.01)
bomb()
"""
    assert_too_many(breach_of(pod.run(KEEP + program, limits={"processes": 100})), 100)


def test_a_thousand_zombies_of_a_parent_that_went_on(pod: Pod) -> None:
    program = """
import os
if os.fork() == 0:
    for _ in range(1000): os.fork() or os._exit(0)
    os._exit(0)
os.wait()
for _ in range(1000):  # orphans are the runner's, which reaps them: there is room again
    if os.fork() == 0: os._exit(0)
    os.wait()
"""
    manifest = pod.run(program, limits={"processes": 1010})
    assert (manifest.claim.ending, manifest.claim.exit_code) == (Ending.EXITED, 0), manifest.claim


# Open files


def test_a_process_at_its_wall_of_open_files(pod: Pod) -> None:
    program = """
import os, time
try:
    while True: os.open('/dev/null', 0)
except OSError as error: open(2, 'w', closefd=False).write(os.strerror(error.errno))
time.sleep(600)
"""
    manifest = pod.run(KEEP + program, limits={"open_files": 64})
    assert breach_of(manifest) == Breach(Limit.OPEN_FILES, 64, 65)
    assert manifest.stderr is not None
    assert manifest.stderr.tail in ("Too many open files", "")  # it may be found out before it comes to say so


def test_open_files_are_counted_for_each_process(pod: Pod) -> None:
    program = """
import os
reading, writing = os.pipe(); done, tell = os.pipe()
for _ in range(4):
    if os.fork() == 0:
        for _ in range(40): os.open('/dev/null', 0)
        os.write(tell, b'x'); os.close(writing); os.read(reading, 1); os._exit(0)
for _ in range(4): os.read(done, 1)
"""
    assert pod.run(program, limits={"open_files": 64}).claim.exit_code == 0


def test_a_thread_with_a_table_of_its_own_counts(pod: Pod) -> None:
    program = """
import ctypes, os, time
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
def hoard(_):
    try:
        while True: os.open('/dev/null', 0)
    except OSError: time.sleep(600)
libc, stack = ctypes.CDLL(None), ctypes.create_string_buffer(1 << 20)
top = ctypes.c_void_p((ctypes.addressof(stack) + (1 << 20)) & ~15)
VM, FS, SIGHAND, THREAD, SYSVSEM = 0x100, 0x200, 0x800, 0x10000, 0x40000  # and not FILES
assert libc.clone(hoard, top, VM | FS | SIGHAND | THREAD | SYSVSEM, None) > 0
"""
    assert breach_of(pod.run(KEEP + program + SLEEP, limits={"open_files": 64})) == Breach(Limit.OPEN_FILES, 64, 65)


def test_the_wall_of_open_files_is_kept_whatever_was_seen(pod: Pod) -> None:
    program = """
import os
try:
    while True: last = os.open('/dev/null', 0)
except OSError: os.write(1, b'%d' % last)
os._exit(3)
"""
    manifest = pod.run(program, limits={"open_files": 64})
    assert manifest.stdout is not None
    if manifest.claim.breach is None:
        assert (manifest.claim.exit_code, manifest.stdout.tail) == (3, "64")
    else:  # seen at the wall, maybe before it came to say so
        assert manifest.claim.breach == Breach(Limit.OPEN_FILES, 64, 65)
        assert manifest.stdout.tail in ("64", "")


def test_what_a_program_says_is_no_evidence(pod: Pod) -> None:
    manifest = pod.run("raise OSError(24, 'Too many open files')")
    assert (manifest.claim.ending, manifest.claim.exit_code) == (Ending.EXITED, 1)


# Size of a file


@pytest.mark.parametrize("place", ["/outputs/big", "/tmp/big"])
def test_a_file_that_grows_too_large(pod: Pod, place: str) -> None:
    manifest = pod.run(KEEP + f"open('{place}', 'wb').write(bytes(4 << 20))", limits={"file_size": MIB})
    assert breach_of(manifest) == Breach(Limit.FILE_SIZE, MIB, MIB + 1)


def test_a_file_of_just_the_size(pod: Pod) -> None:
    manifest = pod.run(f"open('/outputs/a', 'wb').write(bytes({MIB}))", limits={"file_size": MIB})
    assert (manifest.claim.ending, manifest.claim.exit_code, manifest.complete) == (Ending.EXITED, 0, True)


def test_a_file_of_holes_that_is_too_large(pod: Pod) -> None:
    program = "import signal\nsignal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen('/tmp/big', 'wb').truncate(1 << 40)"
    assert breach_of(pod.run(KEEP + program, limits={"file_size": MIB})) == Breach(Limit.FILE_SIZE, MIB, MIB + 1)


def test_a_large_file_without_a_name_that_is_held_open(pod: Pod) -> None:
    program = f"""
import os
file = open('/outputs/gone', 'wb', buffering=0); os.unlink('/outputs/gone')
file.write(bytes({2 * MIB}))
{SLEEP}"""
    assert breach_of(pod.run(KEEP + program, limits={"file_size": MIB})) == Breach(Limit.FILE_SIZE, MIB, MIB + 1)


# Number of files


@pytest.mark.parametrize("make", ["open(f'/tmp/{i}', 'w')", "os.mkdir(f'/home/analyst/{i}')", "os.symlink('x', f'/tmp/{i}')"])
def test_a_flood_of_files(pod: Pod, make: str) -> None:
    program = f"import os\ni = 0\nwhile True:\n  i += 1\n  {make}\n"
    breach = breach_of(pod.run(KEEP + program, limits={"files": 500}))
    assert (breach.limit, breach.allowed) == (Limit.FILES, 500)
    assert breach.measured > 500


def test_one_file_too_many_in_the_last_moment(pod: Pod) -> None:
    program = "for i in range(50): open(f'/tmp/{i}', 'w')\n"
    assert breach_of(pod.run(KEEP + program, limits={"files": 50})) == Breach(Limit.FILES, 50, 51)


def test_as_many_files_as_allowed(pod: Pod) -> None:
    assert pod.run("for i in range(50): open(f'/tmp/{i}', 'w')", limits={"files": 50}).claim.exit_code == 0


def test_files_below_thousands_of_folders_are_found(pod: Pod) -> None:
    program = """
import os
os.chdir('/tmp')
for _ in range(3000): os.mkdir('d'); os.chdir('d')
for i in range(100): open(str(i), 'w')
"""
    breach = breach_of(pod.run(KEEP + program, limits={"files": 3050}))
    assert (breach.limit, breach.allowed) == (Limit.FILES, 3050)
    assert 3050 < breach.measured <= 3101  # counted while the program still makes them, or after its end


# Disk


HIDDEN = {
    "deleted": "import os\nf = open('/outputs/big', 'wb', buffering=0); os.unlink('/outputs/big')\nWRITE",
    "never named": "import os\nf = os.fdopen(os.open('/outputs', os.O_TMPFILE | os.O_RDWR), 'wb', 0)\nWRITE",
    "in a child": "import os\nif os.fork() == 0:\n  f = open('/tmp/big', 'wb', buffering=0); os.unlink('/tmp/big')\n  WRITE",
    "reserved": "import os\nf = open('/outputs/big', 'wb')\nos.posix_fallocate(f.fileno(), 0, 16 << 20)",
    "behind a first thread that has ended": """
import ctypes, os, threading, time
def hoard():
    f = open('/tmp/big', 'wb', buffering=0); os.unlink('/tmp/big')
    WRITE
    time.sleep(600)
threading.Thread(target=hoard).start()
ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)""",
    "in a thread's own table": """
import ctypes, os, time
@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
def hoard(_):
    f = open('/tmp/big', 'wb', buffering=0); os.unlink('/tmp/big')
    WRITE
    time.sleep(600)
libc, stack = ctypes.CDLL(None), ctypes.create_string_buffer(1 << 20)
top = ctypes.c_void_p((ctypes.addressof(stack) + (1 << 20)) & ~15)
VM, FS, SIGHAND, THREAD, SYSVSEM = 0x100, 0x200, 0x800, 0x10000, 0x40000  # and not FILES
assert libc.clone(hoard, top, VM | FS | SIGHAND | THREAD | SYSVSEM, None) > 0""",
    "locked": "import os\nos.mkdir('/tmp/d'); f = open('/tmp/d/big', 'wb', buffering=0); os.chmod('/tmp/d', 0)\nWRITE",
}


# Only what the file system has lost is known of these, and others may have had a part in it.
OUT_OF_SIGHT = {
    "in a process that cannot be looked into": """
import ctypes, os
ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE
f = open('/tmp/big', 'wb', buffering=0); os.unlink('/tmp/big')
WRITE""",
    "in a program that cannot be read": """
import os, shutil
f = open('/tmp/big', 'wb', buffering=0); os.unlink('/tmp/big')
WRITE
os.set_inheritable(f.fileno(), True)
shutil.copy(shutil.which('sleep'), '/tmp/program'); os.chmod('/tmp/program', 0o111)
if os.fork() == 0: os.execv('/tmp/program', ['sleep', '600'])
f.close()""",
    "on its way through a socket": """
import os, socket
ours, theirs = socket.socketpair()
f = open('/tmp/big', 'wb', buffering=0); os.unlink('/tmp/big')
WRITE
socket.send_fds(ours, [b'x'], [f.fileno()]); f.close()""",
    "mapped": """
import ctypes, os
f = open('/tmp/big', 'w+b', buffering=0); os.unlink('/tmp/big')
WRITE
libc = ctypes.CDLL(None); libc.mmap.restype = ctypes.c_void_p
assert libc.mmap(None, ctypes.c_size_t(4096), 1, 1, f.fileno(), ctypes.c_long(0)) != ctypes.c_void_p(-1).value
f.close()""",
}


def hoarded(pod: Pod, program: str) -> float:
    """Run a program that keeps 16 MiB where WRITE stands; return what was measured."""
    program = program.replace("WRITE", "for _ in range(16): f.write(bytes(1 << 20))") + SLEEP
    breach = breach_of(pod.run(KEEP + program, limits={"disk": 8 * MIB}))
    assert (breach.limit, breach.allowed) == (Limit.DISK, 8 * MIB)
    return breach.measured


@pytest.mark.parametrize("way", HIDDEN)
def test_data_that_no_listing_shows(pod: Pod, way: str) -> None:
    assert 8 * MIB < hoarded(pod, HIDDEN[way]) < 20 * MIB


@pytest.mark.parametrize("way", OUT_OF_SIGHT)
def test_data_that_nobody_can_look_at(pod: Pod, way: str) -> None:
    assert hoarded(pod, OUT_OF_SIGHT[way]) > 8 * MIB


def test_holes_and_further_names_are_not_data(pod: Pod) -> None:
    program = """
import os
open('/outputs/holes', 'wb').truncate(60 << 20)
open('/outputs/a', 'wb').write(bytes(3 << 20))
for i in range(5): os.link('/outputs/a', f'/outputs/a{i}')
"""
    manifest = pod.run(program, limits={"disk": 4 * MIB})
    assert manifest.claim.exit_code == 0, manifest.claim


def test_a_fast_writer_is_stopped(pod: Pod) -> None:
    program = "block = bytes(1 << 20)\nwith open('/outputs/big', 'wb', buffering=0) as f:\n  while True: f.write(block)\n"
    manifest = pod.run(KEEP + program, limits={"disk": 64 * MIB, "file_size": 4 << 30, "artifact_bytes": 4 << 30})
    breach = breach_of(manifest)
    assert (breach.limit, breach.allowed) == (Limit.DISK, 64 * MIB)
    assert breach.measured > 64 * MIB


# The harvest


def test_artifacts_that_cannot_be_stored_in_time(pod: Pod) -> None:
    program = "for name in 'abc': open('/outputs/' + name, 'w').write(name)"
    pod.store.pauses = [2.1]
    manifest = pod.run(program, deadlines=dataclasses.replace(DEADLINES, harvest=2))
    assert (manifest.claim.ending, manifest.claim.exit_code, manifest.complete) == (Ending.EXITED, 0, False)
    assert manifest.harvest_breach is not None
    assert (manifest.harvest_breach.limit, manifest.harvest_breach.allowed) == (Limit.HARVEST, 2)
    assert manifest.harvest_breach.measured >= 2
    # The store takes longer for the first one than there is: it counts if it was sent in time, and no other is sent.
    kept = [artifact.name for artifact in manifest.artifacts]
    assert kept in (["a"], [])
    assert {artifact.key for artifact in manifest.artifacts} == {
        key for key, content in pod.store.objects.items() if content in (b"a", b"b", b"c")
    }
    assert {entry.name: entry.reason for entry in manifest.rejected} == dict.fromkeys(set("abc") - set(kept), Rejection.TIME)
    assert all(os.path.basename(artifact.key) == artifact.digest.removeprefix("sha256:") for artifact in manifest.artifacts)
