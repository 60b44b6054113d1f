"""A Pod for tests: collector and runner as two containers that share a loopback and three folders."""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fumehood_sandbox import wire
from unit.fumehood_sandbox import objectstore

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[2] / "operator"
COLLECTOR_UID = 23411
# The kernel counts the processes of a user: tests that run beside each other must not be counted together.
ANALYSIS_UID = 100_000 + os.getpid() % 100_000
NEW_NETWORK = 0x40000000
# What nothing here takes that goes well, however slow and busy the machine is.
LONG = 300.0
PATIENCE = 2 * LONG
LIMITS = wire.Limits(
    wall_clock=LONG,
    cpu_time=LONG,
    memory=1 << 30,
    disk=64 << 20,
    output=1 << 16,
    artifacts=50,
    artifact_bytes=32 << 20,
    processes=1000,
    open_files=256,
    file_size=64 << 20,
    files=10_000,
)
DEADLINES = wire.Deadlines(hello=LONG, staging=LONG, harvest=LONG, sealing=LONG)
PYTHON = str(Path(sys.executable).resolve())
READY = "print('ready', flush=True)\n"
SLEEP = "import time; time.sleep(600)\n"


def until(probe: Callable[[], Any], what: str) -> Any:
    """Ask `probe` until it returns something."""
    end = time.monotonic() + LONG
    while not (found := probe()):
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.005)
    return found


class Container:
    """One running program and the number of its first process as seen from here."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        assert process.stdout is not None
        self.pid = int(process.stdout.readline())

    def wait(self) -> tuple[int, str]:
        """Exit code, and what it printed on both streams."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (out + err).decode(errors="replace")

    def kill(self, number: int = signal.SIGKILL) -> None:
        os.kill(self.pid, number)


class Pod:
    """Folders, network namespace, object store, and the two containers."""

    def __init__(self, base: Path, store: objectstore.ObjectStore) -> None:
        self.base = base
        self.store = store
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._containers: list[Container] = []
        for name, owner in (("work", COLLECTOR_UID), ("inputs", COLLECTOR_UID), ("outputs", 0), ("order", 0)):
            (base / name).mkdir()
            os.chown(base / name, owner, owner)
            (base / name).chmod(0o777 if name == "outputs" else 0o755)
        base.chmod(0o755)
        for name, owner in (("termination", COLLECTOR_UID), ("termination-of-analysis", ANALYSIS_UID)):
            (base / name).touch()
            os.chown(base / name, owner, owner)
        (base / "run").mkdir()
        (base / "run" / "secret").write_text("canary")
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()
        self._do(store.start)

    # What the tests use.

    def order(self, program: str | tuple[str, ...], **changes: Any) -> wire.Order:
        """An order that runs `program` (Python source, or an argument vector)."""
        argv = (PYTHON, "-I", "main.py") if isinstance(program, str) else program
        source = (wire.File("main.py", text=program),) if isinstance(program, str) else ()
        limits = changes.pop("limits", {})
        fields: dict[str, Any] = {
            "version": wire.VERSION,
            "subject": wire.Subject("lab", "trend", "uid-1", 1),
            "environment": "python",
            "env_version": "python-1",
            "command": wire.Command(argv, {"PATH": "/usr/bin:/bin", "HOME": wire.HOME}),
            "limits": wire.Limits(**{**LIMITS.__dict__, **limits}),
            "deadlines": DEADLINES,
            "permit": wire.Permit(f"http://127.0.0.1:{self.store.port}/bucket", "store.example:9000", self.store.prefix, self.store.fields),
            "source": source,
        }
        return wire.Order(**{**fields, **changes})

    def remote(self, path: str) -> wire.Remote:
        return wire.Remote(f"http://127.0.0.1:{self.store.port}{path}?X-Sig=1", "store.example:9000")

    def start_collector(self, order: wire.Order) -> Container:
        (self.base / "order" / "order.json").write_bytes(wire.encode(order))
        binds = [
            (self.base / "order", wire.ORDER_DIR, True),
            (self.base / "work", wire.WORK, False),
            (self.base / "inputs", wire.INPUTS, False),
            (self.base / "outputs", wire.OUTPUTS, True),
            (self.base / "termination", wire.TERMINATION_LOG, False),
        ]
        return self._start("collector", COLLECTOR_UID, binds, [])

    def start_runner(self, *without: str, groups: dict[str, Path] | None = None) -> Container:
        """`without`: protections to leave out; `groups`: control groups to run in, by their place in the container."""
        groups = groups or {}
        binds = [
            *((folder, place, True) for place, folder in groups.items()),
            (self.base / "termination-of-analysis", wire.TERMINATION_LOG, False),
            (self.base / "run", "/run", True),
            (Path("/sys/devices/system"), "/sys/devices/system", True),
            (self.base / "work", wire.WORK, True),
            (self.base / "inputs", wire.INPUTS, True),
            (self.base / "outputs", wire.OUTPUTS, False),
        ]
        return self._start("runner", ANALYSIS_UID, binds, [wire.TMP, wire.HOME, "/dev/shm"], without, tuple(groups.values()))

    def run(self, program: str | tuple[str, ...], without: tuple[str, ...] = (), **changes: Any) -> wire.Manifest:
        """Run both containers to their end and return the sealed manifest."""
        collector, runner = self.start_collector(self.order(program, **changes)), self.start_runner(*without)
        code, said = collector.wait()
        assert code == 0, said
        runner.wait()
        return self.manifest()

    def seal(self) -> wire.Seal:
        return wire.decode(wire.Seal, (self.base / "termination").read_bytes(), max_bytes=wire.MAX_SEAL)

    def manifest(self) -> wire.Manifest:
        """The manifest in the store, which must be the last object and the one that the seal names."""
        import hashlib

        seal, key = self.seal(), self.store.prefix + wire.MANIFEST_NAME
        assert list(self.store.objects)[-1] == key
        document = self.store.objects[key]
        assert (seal.digest, seal.size) == (f"sha256:{hashlib.sha256(document).hexdigest()}", len(document))
        return wire.decode(wire.Manifest, document, max_bytes=wire.MAX_MANIFEST)

    def close(self) -> None:
        for container in self._containers:
            if container.process.poll() is None:
                container.process.kill()
            container.process.communicate()
        self.store.stop()
        self._jobs.put(None)
        self._thread.join()

    # The network namespace is that of one thread; what it starts lives there, too.

    def _live(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.unshare(NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
        while (job := self._jobs.get()) is not None:
            job()

    def _do(self, action: Callable[[], Any]) -> Any:
        answer: queue.Queue[Any] = queue.Queue()

        def job() -> None:
            try:
                answer.put((action(), None))
            except BaseException as error:
                answer.put((None, error))

        self._jobs.put(job)
        result, error = answer.get()
        if error:
            raise error
        return result

    def _start(
        self,
        program: str,
        uid: int,
        binds: list[tuple[Path, str, bool]],
        tmpfs: list[str],
        without: tuple[str, ...] = (),
        groups: Sequence[Path] = (),
    ) -> Container:
        root = self.base / f"root-{program}"
        root.mkdir(exist_ok=True)
        payload = [(sys.base_prefix, sys.base_prefix, True), (str(SOURCES), wire.PAYLOAD, True)]
        spec = {
            "root": str(root),
            "uid": uid,
            "without": without,
            "groups": [str(group) for group in groups],
            "binds": [b for b in payload if not b[0].startswith("/usr")] + [(str(a), b, c) for a, b, c in binds],
            "tmpfs": tmpfs,
            "argv": [PYTHON, "-S", "-B", "-m", "fumehood_sandbox", program],
            "env": {"PYTHONPATH": wire.PAYLOAD, "LC_ALL": "C.UTF-8"},
        }
        command = [PYTHON, "-S", str(HERE / "container.py"), json.dumps(spec)]
        env = {**os.environ, "PYTHONPATH": str(SOURCES)}
        process = self._do(lambda: subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
        container = Container(process)
        self._containers.append(container)
        return container


def reasons(manifest: wire.Manifest) -> dict[str, wire.Rejection]:
    return {entry.name: entry.reason for entry in manifest.rejected}


def wait_for_output(runner: Container, word: bytes = b"ready") -> None:
    """The runner copies what the program prints: that it is there means that the program got so far."""
    assert runner.process.stdout is not None
    assert word in runner.process.stdout.readline()
