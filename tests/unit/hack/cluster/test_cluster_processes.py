"""Processes are known by more than their number, so none that is not ours is ever ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from embedded.leftovers import is_shim_of, mounts_below
from embedded.processes import Processes, Record, boot_id, is_alive, parse_stat, read_record, started_at


def fake_proc(folder: Path, pid: int, state: str, started: int) -> Path:
    (folder / str(pid)).mkdir(parents=True)
    fields = [state, *["0"] * 18, str(started), "0"]
    (folder / str(pid) / "stat").write_text(f"{pid} (a ) b) {' '.join(fields)}\n")
    return folder


def test_a_name_with_brackets_and_blanks_is_no_obstacle() -> None:
    assert parse_stat("7 (sh) S (x)) R " + " ".join(map(str, range(4, 60)))) == ("R", 22)


def test_a_reused_pid_is_not_our_process(tmp_path: Path) -> None:
    proc = fake_proc(tmp_path, 42, "S", started=2000)
    assert is_alive(Record(42, 2000, "boot", "x"), "boot", proc)
    assert not is_alive(Record(42, 1000, "boot", "x"), "boot", proc), "started at another time"
    assert not is_alive(Record(42, 2000, "boot", "x"), "another boot", proc), "ticks of another boot"
    assert not is_alive(Record(43, 2000, "boot", "x"), "boot", proc), "no such process"


def test_a_zombie_is_not_alive(tmp_path: Path) -> None:
    assert started_at(42, fake_proc(tmp_path, 42, "Z", started=1)) is None


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', "[]", '{"pid": 1, "started": 1, "boot": "", "nonsense": 1}'])
def test_a_damaged_record_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    assert read_record(tmp_path / "x.json") is None


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Processes]:
    processes = Processes(f"test-{os.getpid()}", tmp_path / "records")
    yield processes
    processes.stop("sleeper")


def start(table: Processes, tmp_path: Path) -> Record:
    record = table.start("sleeper", ["/bin/sleep", "600"], {"PATH": "/bin"}, tmp_path / "log", "print")
    while not Path(f"/proc/{record.pid}/environ").read_bytes():
        time.sleep(0.005)  # the kernel says that a program is executed a moment before it has its environment
    return record


def test_start_and_stop(table: Processes, tmp_path: Path) -> None:
    record = start(table, tmp_path)
    assert table.alive("sleeper") == record
    table.stop("sleeper")
    assert table.alive("sleeper") is None
    assert started_at(record.pid) is None


def test_a_lost_record_is_found_again(table: Processes, tmp_path: Path) -> None:
    record = start(table, tmp_path)
    for path in (tmp_path / "records").iterdir():
        path.unlink()
    assert table.alive("sleeper") is None
    table.adopt({"sleeper": Path("/bin/sleep").resolve()})
    adopted = table.alive("sleeper")
    assert adopted is not None
    assert adopted.pid == record.pid
    assert adopted.fingerprint != record.fingerprint, "what it was started with is not known: start it anew"


def test_stop_leaves_a_foreign_process_alone(table: Processes, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as foreign:
        table._write("sleeper", Record(foreign.pid, 1, boot_id(), "x"))  # its number, not its start
        table.stop("sleeper")
        assert foreign.poll() is None
        foreign.kill()


def test_shims_are_known_by_their_socket() -> None:
    shim = ["/cache/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", "x", "-address", "/run/a.sock"]
    assert is_shim_of(shim, "/run/a.sock")
    assert not is_shim_of(shim, "/run/b.sock")
    assert not is_shim_of(["/usr/bin/vi", "-address", "/run/a.sock"], "/run/a.sock")
    assert not is_shim_of([], "/run/a.sock")


def test_mounts_are_ours_and_deepest_first() -> None:
    template = "22 27 0:21 / {} rw shared:1 - tmpfs tmpfs rw\n"
    points = ["/", "/var/lib/x", "/var/lib/x/kubelet/a\\040b", "/var/lib/xy", "/run/x", "/var/lib/x/kubelet"]
    found = mounts_below("".join(map(template.format, points)), ["/var/lib/x", "/run/x"])
    assert found == ["/var/lib/x/kubelet/a b", "/var/lib/x/kubelet", "/var/lib/x", "/run/x"]
