"""Start, recognise and stop the cluster's processes, by exact id.

A pid alone is no identity: it is reused. A record therefore holds the start time
and the boot as well. A process whose record was lost (the tool was killed between
fork and write) is found again by the marks in its environment, so nothing is
started twice and nothing is left behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from checkout import write_atomically

CLUSTER_MARK = "FUMEHOOD_CLUSTER_ID"
COMPONENT_MARK = "FUMEHOOD_CLUSTER_COMPONENT"
LOG_LIMIT = 64 * 1024 * 1024  # bytes; a longer log is moved aside at the next start


@dataclass(frozen=True)
class Record:
    """A process that was started: identity, and what it was started with."""

    pid: int
    started: int  # clock ticks since boot, field 22 of /proc/PID/stat
    boot: str
    fingerprint: str


def boot_id() -> str:
    """The id of this boot: ticks since boot mean nothing across two."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def parse_stat(stat: str) -> tuple[str, int]:
    """State letter and start time of a /proc/PID/stat line; the name in it may hold blanks and brackets."""
    fields = stat.rpartition(")")[2].split()
    return fields[0], int(fields[19])


def started_at(pid: int, proc: Path = Path("/proc")) -> int | None:
    """Start time in ticks, or None where there is no such process (a zombie is none)."""
    try:
        state, started = parse_stat((proc / str(pid) / "stat").read_text())
    except (OSError, IndexError, ValueError):
        return None
    return None if state in "ZX" else started


def is_alive(record: Record, boot: str, proc: Path = Path("/proc")) -> bool:
    """Whether ``record`` is still that very process, not a later one with its number."""
    return record.boot == boot and started_at(record.pid, proc) == record.started


def read_record(path: Path) -> Record | None:
    """The record in ``path``, or None where it is missing or damaged."""
    try:
        return Record(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def environment_of(pid: int) -> dict[str, str]:
    """Environment of a process as it was started with; empty where it cannot be read."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (entry.partition(b"=") for entry in raw.split(b"\0") if b"=" in entry)
    return {name.decode(errors="replace"): value.decode(errors="replace") for name, _, value in pairs}


def marked(identity: str) -> Iterator[tuple[int, str]]:
    """(pid, component) of every process that carries this cluster's mark, inherited ones included."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            environment = environment_of(int(entry.name))
            if environment.get(CLUSTER_MARK) == identity:
                yield int(entry.name), environment.get(COMPONENT_MARK, "")


def _runs(pid: int, program: Path) -> bool:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe").replace(" (deleted)", "")).name == program.resolve().name
    except OSError:
        return False


class Processes:
    """The process table of one cluster, kept as one small file a component."""

    def __init__(self, identity: str, records: Path) -> None:
        self._identity = identity
        self._records = records
        self._boot = boot_id()

    def _path(self, name: str) -> Path:
        return self._records / f"{name}.json"

    def names(self) -> list[str]:
        """Components with a record, alive or not."""
        return sorted(path.stem for path in self._records.glob("*.json"))

    def alive(self, name: str) -> Record | None:
        """The record of a component that runs, else None."""
        record = read_record(self._path(name))
        return record if record is not None and is_alive(record, self._boot) else None

    def adopt(self, programs: Mapping[str, Path]) -> None:
        """Write the missing records of running components; ``programs`` maps name to binary."""
        unknown = {name for name in programs if self.alive(name) is None}
        for pid, name in marked(self._identity) if unknown else ():
            started = started_at(pid)
            if name in unknown and started is not None and _runs(pid, programs[name]):
                self._write(name, Record(pid, started, self._boot, "unknown"))

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str], log: Path, fingerprint: str) -> Record:
        """Start a component detached from this process: own session, own log, no inherited files."""
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_LIMIT:
            log.replace(log.with_suffix(".log.1"))
        marks = {CLUSTER_MARK: self._identity, COMPONENT_MARK: name}
        with log.open("ab") as output:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**environment, **marks},
                cwd="/",
                start_new_session=True,
            )
        record = Record(process.pid, started_at(process.pid) or 0, self._boot, fingerprint)
        self._write(name, record)
        return record

    def _write(self, name: str, record: Record) -> None:
        write_atomically(self._path(name), json.dumps(asdict(record)))

    def stop(self, *names: str, grace: float = 4.0) -> None:
        """End components together: SIGTERM, then SIGKILL after ``grace`` seconds; forget them."""
        for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            living = [record.pid for record in map(self.alive, names) if record is not None]
            if living:
                end(living, number, seconds)
        for name in names:
            self._path(name).unlink(missing_ok=True)


def end(pids: Sequence[int], number: int, grace: float) -> None:
    """Signal ``pids`` and wait up to ``grace`` seconds until none of them is left."""
    identities = {pid: started_at(pid) for pid in pids}
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline:
        _reap(pids)
        if all(started is None or started_at(pid) != started for pid, started in identities.items()):
            return
        time.sleep(0.02)


def _reap(pids: Sequence[int]) -> None:
    """Collect our own children, which would stay zombies for as long as the tool runs."""
    for pid in pids:
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
