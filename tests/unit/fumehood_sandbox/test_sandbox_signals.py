"""Signals and deaths: who is believed, and what is kept."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from fumehood_sandbox.wire import Ending
from unit.fumehood_sandbox.pod import READY, SLEEP, Pod, until, wait_for_output


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
