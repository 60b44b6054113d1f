"""The second command: it follows the program behind the same walls, and nothing that it does is the attempt's."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import pytest

from fumehood_sandbox import previews, wire
from fumehood_sandbox.border.claim import Usage
from fumehood_sandbox.wire import Ending
from unit.fumehood_sandbox.pod import LIMITS, PYTHON, Pod

SAID = b"said\n"
DRAWN = "open('/outputs/plot.svg', 'w').write('<svg/>')"
OF_PLOT = "import os; os.makedirs('/outputs/.previews'); open('/outputs/.previews/plot.svg.json', 'w').write('{}')\n"
VARIABLES = {"PATH": "/usr/bin:/bin", "HOME": wire.HOME}


def maker(code: str) -> wire.Command:
    return wire.Command((PYTHON, "-I", "-c", code), VARIABLES)


def made(pod: Pod, code: str, program: str = DRAWN, **changes: Any) -> tuple[wire.Manifest, list[str]]:
    """Run a program and then `code`; return the manifest and whose previews there are."""
    manifest = pod.run(program, preview=maker(code), **changes)
    return manifest, [artifact.preview_of for artifact in manifest.artifacts if artifact.preview_of]


def test_it_sees_what_the_program_left(pod: Pod) -> None:
    manifest, of = made(pod, f"import os\nif os.listdir('/outputs') == ['plot.svg']:\n  {OF_PLOT}")
    assert (manifest.claim.ending, manifest.claim.exit_code, of) == (Ending.EXITED, 0, ["plot.svg"])


def test_a_program_that_failed_has_previews_too(pod: Pod) -> None:
    manifest, of = made(pod, OF_PLOT, f"{DRAWN}; raise SystemExit(3)")
    assert (manifest.claim.exit_code, of) == (3, ["plot.svg"])


@pytest.mark.parametrize(
    "program",
    [f"{DRAWN}; import os, signal; os.kill(os.getpid(), signal.SIGKILL)", f"{DRAWN}\nwhile True: print('x' * 1000)"],
    ids=["signal", "limit"],
)
def test_one_that_was_ended_has_none(pod: Pod, program: str) -> None:
    _, of = made(pod, OF_PLOT, program, limits={"output": 10_000})
    assert of == []


ENDS = {
    "fails": "raise SystemExit(1)",
    "is killed": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "is ended by a filter": "import ctypes; ctypes.CDLL(None).unshare(0x10000000)",
    "takes the processor": "while True: pass",
    "takes memory": "x = []\nwhile True: x.append(bytearray(1 << 20))",
    "writes a large file": "f = open('/outputs/.previews/large', 'wb')\nwhile True: f.write(bytes(1 << 16))",
    "writes many files": "i = 0\nwhile True: i += 1; open(f'/outputs/.previews/{i}', 'w')",
    "prints": "while True: print('x' * 1000)",
    "starts what goes on": "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(1000)",
    "does not exist": "",
}


@pytest.mark.parametrize("how", ENDS)
def test_whatever_becomes_of_it_the_program_succeeded(pod: Pod, how: str) -> None:
    command = maker(OF_PLOT + ENDS[how]) if ENDS[how] else wire.Command(("nothing-of-the-kind",), VARIABLES)
    limits = {"wall_clock": 30.0, "cpu_time": 4.0, "files": 300}
    manifest = pod.run(f"print('said'); {DRAWN}", preview=command, limits=limits)
    assert (manifest.claim.ending, manifest.claim.exit_code, manifest.claim.breach) == (Ending.EXITED, 0, None)
    assert manifest.claim.violations == {}
    assert "plot.svg" in [artifact.name for artifact in manifest.artifacts]
    assert manifest.stdout.digest == f"sha256:{hashlib.sha256(SAID).hexdigest()}"


def test_it_is_contained_as_the_program_is(pod: Pod) -> None:
    look = """
import json, os, resource
status = dict(line.split(':\\t', 1) for line in open('/proc/self/status').read().splitlines() if ':\\t' in line)
refused = []
for path in ('/work/new', '/inputs/new', '/run/secret'):
    try: open(path, 'r' if path == '/run/secret' else 'w')
    except OSError: refused.append(path)
found = [status['NoNewPrivs'], status['Seccomp'], status['Uid'], refused, resource.getrlimit(resource.RLIMIT_NPROC)]
"""
    shown = "open('/outputs/plot.json', 'w').write(json.dumps(found))"
    program = look + shown
    preview = look + "os.mkdir('/outputs/.previews'); open('/outputs/.previews/plot.json.json', 'w').write(json.dumps(found))"
    manifest, _ = made(pod, preview, program)
    own, other = (artifact.digest for artifact in manifest.artifacts)
    assert own == other


def test_what_the_program_used_is_counted_without_it(pod: Pod) -> None:
    manifest, of = made(pod, "import time\nend = time.process_time() + 3\nwhile time.process_time() < end: pass\n" + OF_PLOT)
    assert of == ["plot.svg"]
    assert manifest.claim.usage.cpu_seconds < 2.5


@pytest.mark.parametrize(
    ("used", "seconds", "cpu"),
    [
        (Usage(), 60.0, 10.0),
        (Usage(wall_seconds=590.0), 5.0, 10.0),
        (Usage(cpu_seconds=594.0), 60.0, 3.0),
        (Usage(wall_seconds=601.0, cpu_seconds=601.0), -0.5, -0.5),
    ],
)
def test_it_has_half_of_the_time_that_is_left(used: Usage, seconds: float, cpu: float) -> None:
    limits = dataclasses.replace(LIMITS, wall_clock=600.0, cpu_time=600.0)
    left = previews.left(limits, used)
    assert (left.wall_clock, left.cpu_time) == (seconds, cpu)
    assert dataclasses.replace(left, wall_clock=600.0, cpu_time=600.0, output=limits.output) == limits


def test_there_is_none_without_time(pod: Pod) -> None:
    _, of = made(pod, OF_PLOT, limits={"cpu_time": 0.9})
    assert of == []
