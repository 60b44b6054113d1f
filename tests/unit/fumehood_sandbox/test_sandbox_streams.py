"""What is large goes through the collector without growing it."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from bench.objects import stream
from fumehood_sandbox import harvest, wire
from fumehood_sandbox.upload import Store
from unit.fumehood_sandbox.pod import DEADLINES, LIMITS

LITTLE, MUCH = 1 << 20, 512 << 20
GROWTH = 8 << 20
CHUNK = bytes(1 << 20)


class Sink:
    """A store that swallows what is posted, and gives as many zeros as the path says."""

    def __init__(self) -> None:
        self.posted: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection, connection.makefile("rwb") as file:
                while line := file.readline():
                    headers = b"".join(iter(file.readline, b"\r\n")).decode()
                    if line.startswith(b"GET"):
                        self._get(file, line)
                    else:
                        self._post(file, headers)

    def _get(self, file: IO[bytes], line: bytes) -> None:
        size = int(line.split()[1].strip(b"/"))
        file.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // len(CHUNK)):
            file.write(CHUNK)
        file.flush()

    def _post(self, file: IO[bytes], headers: str) -> None:
        found = re.search(r"Content-Length: (\d+)", headers)
        assert found
        left = size = int(found[1])
        while left:
            left -= len(file.read(min(left, len(CHUNK))))
        self.posted.append(size)
        file.write(b"HTTP/1.1 204 X\r\n\r\n")
        file.flush()


@pytest.fixture
def sink() -> Iterator[Sink]:
    one = Sink()
    yield one
    one.stop()


def order(sink: Sink, *inputs: wire.File) -> wire.Order:
    return wire.Order(
        version=wire.VERSION,
        subject=wire.Subject("lab", "trend", "uid-1", 1),
        environment="python",
        env_version="python-1",
        command=wire.Command((), {}),
        limits=dataclasses.replace(LIMITS, disk=MUCH, artifact_bytes=MUCH),
        deadlines=DEADLINES,
        permit=wire.Permit(sink.url + "/b", "s.example", "lab/uid-1/1/", {}),
        inputs=inputs,
    )


def folders(base: Path) -> tuple[Path, Path]:
    made = base / "inputs", base / "outputs"
    for folder in made:
        folder.mkdir(parents=True)
    return made


def test_memory_is_flat_for_what_is_stored(sink: Sink, tmp_path: Path) -> None:
    peaks = []
    for size in (LITTLE, MUCH):
        inputs, outputs = folders(tmp_path / str(size))
        with open(outputs / "big.bin", "wb") as file:
            file.truncate(size)
        report = stream(order(sink), str(inputs), str(outputs))
        assert list(report["stored"].values()) == [size]
        assert sink.posted[-1] > size
        peaks.append(report["peak"])
    assert peaks[1] - peaks[0] < GROWTH, peaks


def test_memory_is_flat_for_what_is_fetched(sink: Sink, tmp_path: Path) -> None:
    peaks = []
    for size in (LITTLE, MUCH):
        inputs, outputs = folders(tmp_path / str(size))
        file = wire.File("big.bin", remote=wire.Remote(f"{sink.url}/{size}", "s.example"))
        report = stream(order(sink, file), str(inputs), str(outputs))
        assert report["staged"] == {"big.bin": size}
        peaks.append(report["peak"])
        (inputs / "big.bin").unlink()
    assert peaks[1] - peaks[0] < GROWTH, peaks


def test_what_no_store_takes_in_one_piece_is_rejected_and_the_rest_is_kept(sink: Sink, tmp_path: Path) -> None:
    _, outputs = folders(tmp_path)
    (outputs / "small.txt").write_text("x")
    with open(outputs / "big.bin", "wb") as file:
        file.truncate(wire.MAX_OBJECT + 1)
    limits = dataclasses.replace(LIMITS, artifact_bytes=1 << 40)
    permit = order(sink).permit
    found = harvest.gather(str(outputs), (), (), limits, Store(permit, float("inf")), 1.0)
    assert [artifact.name for artifact in found.artifacts] == ["small.txt"]
    assert [(entry.name, entry.reason) for entry in found.tree.rejected] == [("big.bin", wire.Rejection.SIZE)]
    assert (found.breach, found.whole) == (None, False)
    assert len(sink.posted) == 1
