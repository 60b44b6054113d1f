"""The probe says what it reached: of sockets that are really there, and of ones that are not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumehood_sandbox import probe, wire

LONG = 10.0  # that nothing here should ever take


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


@pytest.fixture
def deaf() -> Iterator[int]:
    """A port that is taken and does not listen: whoever connects is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.fixture
def name_server() -> Iterator[int]:
    """A server that answers whatever is asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            query, asker = server.recvfrom(512)
            server.sendto(query[:2] + b"\x81\x83" + query[4:], asker)

        threading.Thread(target=answer, daemon=True).start()
        yield int(server.getsockname()[1])


def target(name: str, port: int, **fields: object) -> wire.Target:
    return wire.Target(name, "127.0.0.1", port, **fields)  # type: ignore[arg-type]


def test_what_listens_is_reached_and_what_does_not_is_not(listening: int, deaf: int) -> None:
    assert probe.look([target("open", listening), target("shut", deaf)], LONG) == ("open",)


def test_dns_is_reached_if_it_answers(name_server: int, deaf: int) -> None:
    dns = wire.Protocol.DNS
    assert probe.look([target("dns", name_server, protocol=dns), target("shut", deaf, protocol=dns)], LONG) == ("dns",)


def test_silence_is_not_reached() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        asked = target("silent", silent.getsockname()[1], protocol=wire.Protocol.DNS)
        assert probe.look([asked], 0.05) == ()


@pytest.mark.parametrize("address", ["$(NODE_ADDRESS)", "", "256.1.1.1", "::ffff:0:0:0:0:0:0:1", "not an address"])
def test_an_address_that_is_none_is_not_reached(address: str) -> None:
    assert probe.look([wire.Target("none", address, 80)], 0.05) == ()


def test_it_is_done_as_soon_as_all_is_as_it_should_be(listening: int, deaf: int) -> None:
    targets = (target("store", listening, open=True), target("shut", deaf), target("node", listening, open=None))
    seen = probe.run(wire.Errand(wire.VERSION, targets, LONG, patience=1000.0))
    assert (seen.reached, seen.rounds) == (("store", "node"), 1)


def test_it_looks_again_until_its_patience_is_over(monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    now = [0.0]
    monkeypatch.setattr(probe.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(probe.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + 1.0))
    seen = probe.run(wire.Errand(wire.VERSION, (target("api", listening),), LONG, patience=3.0))
    assert (seen.reached, seen.rounds, seen.seconds) == (("api",), 4, 3.0)


def test_a_policy_that_comes_late_is_waited_for(monkeypatch: pytest.MonkeyPatch, listening: int) -> None:
    rounds = iter([("api", "store"), ("api", "store"), ("store",), ("api", "store")])
    monkeypatch.setattr(probe, "look", lambda targets, timeout: next(rounds))
    monkeypatch.setattr(probe, "PAUSE", 0.0)
    seen = probe.run(wire.Errand(wire.VERSION, (target("api", 1), target("store", 1, open=True)), LONG, patience=1000.0))
    assert (seen.reached, seen.rounds) == (("store",), 3)


def program(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-I", "-m", "fumehood_sandbox", "probe", *arguments], capture_output=True, check=False, env={})


def test_as_a_program_it_writes_to_stdout_or_to_the_file_that_is_named(listening: int, tmp_path: Path) -> None:
    errand = wire.encode(wire.Errand(wire.VERSION, (target("here", listening, open=True),), LONG)).decode()
    said = program(errand)
    assert said.returncode == 0, said.stderr
    assert wire.decode(wire.Sighting, said.stdout, max_bytes=wire.MAX_SIGHTING).reached == ("here",)
    written = program(errand, str(tmp_path / "log"))
    assert written.stdout == b""
    assert json.loads((tmp_path / "log").read_bytes())["reached"] == ["here"]


@pytest.mark.parametrize("arguments", [(), ("{}",), ("nonsense",)])
def test_an_errand_that_is_none_is_refused(arguments: tuple[str, ...]) -> None:
    assert program(*arguments).returncode == 2
