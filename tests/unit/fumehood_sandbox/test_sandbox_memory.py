"""Memory and CPU time as the kernel accounts them to a container: real control groups."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood_sandbox.wire import Ending, Limit
from unit.fumehood_sandbox.pod import Pod

ROOT = Path("/sys/fs/cgroup")
ALLOWED = 96 << 20


def make(parent: Path) -> Path:
    folder = parent / f"fumehood-test-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    return folder


def version_1() -> dict[str, Path]:
    groups = {f"{ROOT}/{name}": make(ROOT / name) for name in ("memory", "cpuacct")}
    (groups[f"{ROOT}/memory"] / "memory.limit_in_bytes").write_text(str(ALLOWED))
    return groups


def version_2() -> dict[str, Path]:
    folder = make(ROOT)
    (folder / "memory.max").write_text(str(ALLOWED))
    (folder / "memory.swap.max").write_text("0")
    return {str(ROOT): folder}


@pytest.fixture
def groups() -> Iterator[dict[str, Path]]:
    try:
        made = version_2() if (ROOT / "cgroup.controllers").exists() else version_1()
    except OSError:
        pytest.skip("control groups cannot be made here")
    yield made
    for folder in made.values():
        folder.rmdir()


def test_memory_is_a_breach_that_names_the_limit(pod: Pod, groups: dict[str, Path]) -> None:
    program = "open('/outputs/part', 'w').write('x')\nx = []\nwhile True: x.append(b'x' * (1 << 20))\n"
    order = pod.order(program, limits={"memory": ALLOWED})
    collector, runner = pod.start_collector(order), pod.start_runner(groups=groups)
    assert collector.wait()[0] == 0
    assert runner.wait()[0] == 0
    manifest = pod.manifest()
    assert manifest.claim.breach is not None
    assert (manifest.claim.ending, manifest.claim.breach.limit, manifest.claim.breach.allowed) == (Ending.LIMIT, Limit.MEMORY, ALLOWED)
    assert manifest.claim.breach.measured >= ALLOWED
    assert manifest.claim.usage.peak_memory_bytes > ALLOWED // 2
    assert [artifact.name for artifact in manifest.artifacts] == ["part"]


BELOW_THE_WALL = {
    "of its own": "x = b'x' * (48 << 20)",
    "shared": "import mmap\nx = mmap.mmap(-1, 48 << 20)\nfor at in range(0, len(x), 4096): x[at] = 1",
    "of a child": "import os\nif os.fork() == 0: x = b'x' * (48 << 20); time.sleep(600)",
}


@pytest.mark.parametrize("way", BELOW_THE_WALL)
def test_what_is_held_below_the_kernels_wall_is_a_breach(pod: Pod, groups: dict[str, Path], way: str) -> None:
    order = pod.order(f"import time\n{BELOW_THE_WALL[way]}\ntime.sleep(600)", limits={"memory": 32 << 20})
    collector, runner = pod.start_collector(order), pod.start_runner(groups=groups)
    assert collector.wait()[0] == 0
    assert runner.wait()[0] == 0
    breach = pod.manifest().claim.breach
    assert breach is not None
    assert (breach.limit, breach.allowed) == (Limit.MEMORY, 32 << 20)
    assert 32 << 20 < breach.measured < ALLOWED


def test_what_the_kernel_caches_of_files_is_nobodys_memory(pod: Pod, groups: dict[str, Path]) -> None:
    program = """
with open('/outputs/big', 'wb') as file:
    for _ in range(60): file.write(bytes(1 << 20)); file.flush()
for _ in range(20):
    with open('/outputs/big', 'rb') as file:
        while file.read(1 << 20): pass
"""
    order = pod.order(program, limits={"memory": 32 << 20})
    collector, runner = pod.start_collector(order), pod.start_runner(groups=groups)
    assert collector.wait()[0] == 0
    assert runner.wait()[0] == 0
    claim = pod.manifest().claim
    assert (claim.ending, claim.exit_code) == (Ending.EXITED, 0), claim


def test_cpu_time_of_what_nobody_waited_for(pod: Pod, groups: dict[str, Path]) -> None:
    # Children that are not waited for are in no parent's account, only in the group's.
    program = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.05
        while time.process_time() < end: pass
        os._exit(0)
    try: os.wait()
    except ChildProcessError: pass
"""
    order = pod.order(program, limits={"cpu_time": 0.6})
    collector, runner = pod.start_collector(order), pod.start_runner(groups=groups)
    assert collector.wait()[0] == 0
    assert runner.wait()[0] == 0
    claim = pod.manifest().claim
    assert claim.breach is not None
    assert claim.breach.limit is Limit.CPU_TIME
    assert claim.usage.cpu_seconds > 0.6
