"""What keeps a program from being started, and strangers between runner and collector."""

from __future__ import annotations

import dataclasses
import os
import signal
import socket

import pytest

from fumehood_sandbox import wire
from fumehood_sandbox.wire import Ending, Fault
from unit.fumehood_sandbox.pod import DEADLINES, READY, SLEEP, Pod, until, wait_for_output


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
