"""Parts of the runner that need no Pod."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fumehood_sandbox import cgroup, disk, layout, processes, tasks, wire
from fumehood_sandbox.frames import Channel, ChannelError, Kind
from fumehood_sandbox.output import Output
from fumehood_sandbox.verdict import Facts, Measured, Verdict, judge
from fumehood_sandbox.wire import Breach, Ending, Limit, Limits
from unit.fumehood_sandbox.pod import LONG

LIMITS = Limits(10, 5, 1000, 2000, 300, 5, 100, processes=4, open_files=20, file_size=1500, files=30)
FACTS = {"stopped": False, "breach": None, "killed_for_memory": False, "peak_memory": 10}
MEASURED = {"output": 0, "cpu": 0.1, "tasks": 4, "open_files": 20, "disk": 2000, "files": 30, "largest_file": 1500}
PROGRAMS = {**os.environ, "PYTHONPATH": str(Path(wire.__file__).parents[1])}  # for programs that import them
KILLED, SEGFAULT, FILE_SIZE, FAILED = int(signal.SIGKILL), int(signal.SIGSEGV), int(signal.SIGXFSZ), 1 << 8


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"status": 0}, Verdict(Ending.EXITED, exit_code=0)),
        ({"status": FAILED}, Verdict(Ending.EXITED, exit_code=1)),
        ({"status": SEGFAULT}, Verdict(Ending.SIGNALLED, signal=11)),
        ({"status": KILLED}, Verdict(Ending.SIGNALLED, signal=9)),
        ({"status": 137 << 8}, Verdict(Ending.EXITED, exit_code=137)),
        ({"status": KILLED, "killed_for_memory": True}, Verdict(Ending.LIMIT, breach=Breach(Limit.MEMORY, 1000, 1000))),
        (
            {"status": FAILED, "killed_for_memory": True, "peak_memory": 1010},
            Verdict(Ending.LIMIT, breach=Breach(Limit.MEMORY, 1000, 1010)),
        ),
        ({"status": 0, "killed_for_memory": True}, Verdict(Ending.EXITED, exit_code=0)),
        ({"status": KILLED, "cpu": 5.5}, Verdict(Ending.LIMIT, breach=Breach(Limit.CPU_TIME, 5, 5.5))),
        ({"status": FILE_SIZE}, Verdict(Ending.LIMIT, breach=Breach(Limit.FILE_SIZE, 1500, 1501))),
        ({"status": FILE_SIZE, "largest_file": 1600}, Verdict(Ending.LIMIT, breach=Breach(Limit.FILE_SIZE, 1500, 1600))),
        ({"status": FILE_SIZE, "disk": 2001}, Verdict(Ending.LIMIT, breach=Breach(Limit.DISK, 2000, 2001))),
        ({"status": FAILED, "disk": 2001, "largest_file": 1501}, Verdict(Ending.LIMIT, breach=Breach(Limit.DISK, 2000, 2001))),
        ({"status": FAILED, "tasks": 5}, Verdict(Ending.LIMIT, breach=Breach(Limit.PROCESSES, 4, 5))),
        ({"status": FAILED, "open_files": 21}, Verdict(Ending.LIMIT, breach=Breach(Limit.OPEN_FILES, 20, 21))),
        ({"status": 0, "files": 31}, Verdict(Ending.LIMIT, breach=Breach(Limit.FILES, 30, 31))),
        ({"status": 0, "largest_file": 1501}, Verdict(Ending.LIMIT, breach=Breach(Limit.FILE_SIZE, 1500, 1501))),
        ({"status": 0, "disk": 2001}, Verdict(Ending.LIMIT, breach=Breach(Limit.DISK, 2000, 2001))),
        ({"status": 0, "output": 301}, Verdict(Ending.LIMIT, breach=Breach(Limit.OUTPUT, 300, 301))),
        ({"status": KILLED, "breach": Breach(Limit.WALL_CLOCK, 10, 11)}, Verdict(Ending.LIMIT, breach=Breach(Limit.WALL_CLOCK, 10, 11))),
        ({"status": KILLED, "stopped": True, "cpu": 9}, Verdict(Ending.TERMINATED)),
    ],
)
def test_endings(facts: dict[str, Any], expected: Verdict) -> None:
    measured = Measured(**{name: facts.get(name, value) for name, value in MEASURED.items()})
    told = {name: facts.get(name, value) for name, value in FACTS.items()}
    assert judge(Facts(status=facts["status"], measured=measured, **told), LIMITS) == expected


def group(root: Path, files: dict[str, str]) -> str:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return str(root)


def test_control_groups_version_2(tmp_path: Path) -> None:
    files = {"cgroup.controllers": "cpu memory", "cgroup.procs": f"{os.getpid()}\n", "cpu.stat": "usage_usec 2500000\nuser_usec 1\n"}
    files |= {"memory.peak": "123\n", "memory.events": "low 0\noom 3\noom_kill 2\n", "pids.current": "3\n", "pids.peak": "9\n"}
    files |= {"memory.stat": "anon 40\nfile 500\nshmem 2\n"}
    found = cgroup.find(group(tmp_path, files))
    assert found is not None
    assert (found.cpu_seconds(), found.peak_memory(), found.oom_kills()) == (2.5, 123, 2)
    assert (found.tasks_now(), found.peak_tasks(), found.memory_held()) == (3, 9, 42)


def test_control_groups_version_1(tmp_path: Path) -> None:
    ours = f"{os.getpid()}\n"
    files = {"cpu,cpuacct/cgroup.procs": ours, "cpu,cpuacct/cpuacct.usage": "1500000000\n", "memory/cgroup.procs": ours}
    files |= {"memory/memory.max_usage_in_bytes": "77\n", "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"}
    files |= {"pids/cgroup.procs": ours, "pids/pids.current": "2\n"}
    files |= {"memory/memory.stat": "cache 500\nrss 1\nshmem 1\ntotal_rss 30\ntotal_shmem 3\n"}
    found = cgroup.find(group(tmp_path, files))
    assert found is not None
    assert (found.cpu_seconds(), found.peak_memory(), found.oom_kills()) == (1.5, 77, 1)
    assert found.memory_held() == 33
    assert (found.tasks_now(), found.peak_tasks()) == (2, None)  # an older kernel keeps no peak


def test_a_control_group_with_strangers_is_not_ours(tmp_path: Path) -> None:
    assert cgroup.find(group(tmp_path, {"cgroup.controllers": "", "cgroup.procs": f"1\n{os.getpid()}\n"})) is None
    assert cgroup.find(str(tmp_path / "none")) is None


@pytest.mark.parametrize(("peak", "allowed", "held"), [(None, 1, 0), (1, 1, 0), (8, 100, 0), (8, 7, 0), (8, 6, 1), (8, 1, 6)])
def test_a_breach_is_a_new_mark(peak: int | None, allowed: int, held: int) -> None:
    assert tasks.to_hold(peak, allowed) == held
    assert peak is None or 1 + held + allowed + 1 > peak


@pytest.mark.parametrize(
    ("room", "seconds"),
    [
        (disk.Room(64 << 30, 200_000), 0.25),
        (disk.Room(256 << 20, 200_000), 0.125),
        (disk.Room(1 << 20, 200_000), 0.02),
        (disk.Room(64 << 30, 10_000), 0.2),
        (disk.Room(64 << 30, 0), 0.02),
        (disk.Room(-1, 0), 0.02),
    ],
)
def test_the_next_look_comes_before_the_fastest_writer(room: disk.Room, seconds: float) -> None:
    assert disk.pace(room) == seconds


@pytest.mark.parametrize(("pid", "killed"), [(1, [(-1, signal.SIGKILL)]), (4711, [])])
def test_all_are_killed_by_process_1_alone(monkeypatch: pytest.MonkeyPatch, pid: int, killed: list[tuple[int, int]]) -> None:
    said: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "getpid", lambda: pid)
    monkeypatch.setattr(os, "kill", lambda *aim: said.append(aim))
    processes.kill_all()
    assert said == killed


@pytest.fixture
def channels() -> tuple[Channel, Channel, socket.socket]:
    left, right = socket.socketpair()
    return Channel(left), Channel(right), left


def soon() -> float:
    return time.monotonic() + LONG


def test_frames_arrive_whole_and_in_order(channels: tuple[Channel, Channel, socket.socket]) -> None:
    ours, theirs, _ = channels
    ours.send(Kind.STDOUT, b"x" * 1000, soon())
    ours.queue(Kind.CLAIM, b"")
    assert ours.pending == 5
    ours.flush()
    ours.close()
    assert theirs.receive(soon()) == (Kind.STDOUT, b"x" * 1000)
    assert theirs.receive(soon()) == (Kind.CLAIM, b"")
    assert theirs.receive(soon()) is None


@pytest.mark.parametrize("words", [b"\x00\0\0\0\0", b"\x07\0\0\0\0", struct.pack("!BI", 3, wire.MAX_FRAME + 1)])
def test_malformed_frames(channels: tuple[Channel, Channel, socket.socket], words: bytes) -> None:
    _, theirs, raw = channels
    raw.send(words)
    with pytest.raises(ChannelError, match="malformed"):
        theirs.receive(soon())


def test_waits_have_an_end(channels: tuple[Channel, Channel, socket.socket]) -> None:
    ours, theirs, raw = channels
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)  # some machines' sockets take a whole frame
    with pytest.raises(ChannelError, match="silent"):
        theirs.receive(time.monotonic() + 0.01)
    with pytest.raises(ChannelError, match="silent"):
        ours.send(Kind.STDOUT, b"x" * wire.MAX_FRAME, time.monotonic() + 0.05)
    with pytest.raises(ChannelError, match="too large"):
        ours.queue(Kind.STDOUT, b"x" * (wire.MAX_FRAME + 1))


def test_layouts() -> None:
    assert layout.from_arguments([]) == layout.Layout()
    assert layout.from_arguments(['{"port": 9, "outputs": "/o"}']) == layout.Layout(port=9, outputs="/o")
    assert layout.Layout().order == "/run/fumehood/order.json"
    with pytest.raises(wire.DecodeError):
        layout.from_arguments(['{"port": "9"}'])


def test_a_sigterm_is_held_back_before_anything_of_a_program_is_loaded() -> None:
    script = """if True:
        import signal, sys
        import fumehood_sandbox.__main__
        assert signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        loaded = {name for name in sys.modules if name.startswith("fumehood_sandbox")}
        assert loaded == {"fumehood_sandbox", "fumehood_sandbox.__main__"}, loaded
    """
    subprocess.run([sys.executable, "-c", script], env=PROGRAMS, check=True)


@pytest.mark.parametrize(
    ("program", "documents"),
    [
        ("runner", {"bounds", "claim", "hello", "limits", "places", "task"}),
        ("collector", {"bounds", "claim", "hello", "limits", "manifest", "order", "places", "seal", "task"}),
        ("probe", {"bounds", "errand"}),
    ],
)
def test_a_program_loads_the_documents_that_it_needs_and_no_others(program: str, documents: set[str]) -> None:
    script = f"""if True:
        import sys
        import fumehood_sandbox.{program}
        border = "fumehood_sandbox.border."
        loaded = {{name.removeprefix(border) for name in sys.modules if name.startswith(border)}}
        assert loaded == {documents}, loaded
        assert "fumehood_sandbox.wire" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", script], env=PROGRAMS, check=True)


def test_a_program_of_another_name_is_refused() -> None:
    done = subprocess.run([sys.executable, "-m", "fumehood_sandbox", "intruder"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "'intruder' is none of runner, collector" in done.stderr


def test_packets_left_in_a_pipe_are_all_read(channels: tuple[Channel, Channel, socket.socket], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "set_blocking", lambda *_: None)  # of this process's own streams
    ours, theirs, _ = channels
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_DIRECT)  # a read takes one packet, however small it is
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 1 << 20)
    written = [b"%d " % number for number in range(256)]
    for packet in written:
        os.write(writing, packet)
    os.close(writing)
    output = Output(ours, 1 << 16, reading, os.open("/dev/null", os.O_RDONLY))
    output.drain()
    assert [theirs.receive(soon()) for _ in written] == [(Kind.STDOUT, packet) for packet in written]
    assert output.open == ()
