"""Inputs from web servers, which may be anybody's: real TLS on loopback."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from fumehood_sandbox import faults, staging, wire
from fumehood_sandbox.wire import Fault, File, Remote
from unit.fumehood_sandbox.objectstore import certificate
from unit.fumehood_sandbox.pod import LONG, Pod

CONTENT = b"a,b\n1,2\n"
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + CONTENT
Says = Callable[[ssl.SSLSocket], None]


class WebServer:
    """Answers every request with the same bytes, or does with the connection what it is told to."""

    def __init__(self, folder: Path) -> None:
        self.says: bytes | Says = WHOLE
        self.requests: list[bytes] = []
        cert, self._context = certificate(folder)
        self.ca = cert.read_text()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def remote(self, host: str = "s.example", path: str = "/data.csv") -> Remote:
        return Remote(f"https://127.0.0.1:{self.port}{path}", host, web=True)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # the thread that waits for a call holds it, too
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), self._context.wrap_socket(raw, server_side=True) as connection:
                self._answer(connection)

    def _answer(self, connection: ssl.SSLSocket) -> None:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += connection.recv(65_536) or b"\r\n\r\n"
        self.requests.append(request)
        if isinstance(self.says, bytes):
            connection.sendall(self.says)
            connection.unwrap()
        else:
            self.says(connection)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[WebServer]:
    server = WebServer(tmp_path)
    yield server
    server.stop()


def fetch(web: WebServer, tmp_path: Path, remote: Remote | None = None, patience: float = LONG, most: int = 1000, **fields: str) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    file = File("in.csv", remote=remote or web.remote(), **({"sha256": DIGEST} | fields))  # type: ignore[arg-type]
    staging.stage((file,), str(root), most, {True: web.ca}, time.monotonic() + patience, lambda: False)
    return root / "in.csv"


def refuses(web: WebServer, tmp_path: Path, remote: Remote | None = None, patience: float = LONG, most: int = 1000) -> staging.StagingError:
    with pytest.raises(staging.StagingError) as caught:
        fetch(web, tmp_path, remote, patience, most)
    for place in ("127.0.0.1", str(web.port), "s.example"):
        assert place not in caught.value.detail
    return caught.value


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time passes in pauses alone, so that what is tried again is not waited for."""
    now = [time.monotonic()]
    pause = SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr(faults, "time", pause)


def test_a_file_is_fetched_by_address_in_the_name_of_its_host(web: WebServer, tmp_path: Path) -> None:
    assert fetch(web, tmp_path, web.remote("s.example:8443", "/a%20b?c=d")).read_bytes() == CONTENT
    (request,) = web.requests
    assert request.startswith(b"GET /a%20b?c=d HTTP/1.1\r\n")
    assert b"\r\nHost: s.example:8443\r\n" in request
    assert b"Authorization" not in request and b"Cookie" not in request


def test_an_answer_in_chunks(web: WebServer, tmp_path: Path) -> None:
    web.says = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na,b\n\r\n4\r\n1,2\n\r\n0\r\n\r\n"
    assert fetch(web, tmp_path).read_bytes() == CONTENT


def test_a_file_with_another_digest(web: WebServer, tmp_path: Path) -> None:
    web.says = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother"
    error = refuses(web, tmp_path)
    assert error.fault is Fault.INPUT_DIGEST
    assert error.detail == f"in.csv: has another digest, sha256:{hashlib.sha256(b'other').hexdigest()}"


@pytest.mark.parametrize(
    ("status", "fault", "shown"),
    [
        (404, Fault.INPUT_MISSING, "status 404"),
        (410, Fault.INPUT_MISSING, "status 410"),
        (401, Fault.INPUT_UNAVAILABLE, "status 401"),
        (403, Fault.INPUT_UNAVAILABLE, "status 403"),
        (206, Fault.INPUT_UNAVAILABLE, "status 206"),
        *((status, Fault.INPUT_UNAVAILABLE, f"status {status}: it leads elsewhere") for status in (301, 302, 303, 307, 308)),
    ],
)
def test_what_is_no_answer_is_final(web: WebServer, tmp_path: Path, status: int, fault: Fault, shown: str) -> None:
    web.says = f"HTTP/1.1 {status} X\r\nLocation: https://127.0.0.1:{web.port}/other\r\nContent-Length: 0\r\n\r\n".encode()
    error = refuses(web, tmp_path)
    assert error.fault is fault
    assert shown in error.detail
    assert len(web.requests) == 1, "it was asked again, or followed"


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(web: WebServer, tmp_path: Path, clock: None, status: int) -> None:
    web.says = f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode()
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(staging.StagingError) as caught:
        staging.stage((File("in.csv", remote=web.remote()),), str(root), 10, {True: web.ca}, faults.time.monotonic() + 60, lambda: False)
    assert (caught.value.fault, caught.value.detail) == (Fault.INPUT_UNAVAILABLE, f"in.csv: get: status {status}")
    assert len(web.requests) > 1


@pytest.mark.parametrize("cut", [WHOLE[:-1], WHOLE[:20], b"", b"not HTTP\r\n\r\n"])
def test_an_answer_that_breaks_off_is_asked_for_again(web: WebServer, tmp_path: Path, cut: bytes) -> None:
    answers = [cut, WHOLE]
    web.says = lambda connection: connection.sendall(answers.pop(0))
    assert fetch(web, tmp_path).read_bytes() == CONTENT
    assert len(web.requests) == 2


@pytest.mark.parametrize("length", [b"Content-Length: 99999999\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_more_than_there_is_room_for_is_not_even_read(web: WebServer, tmp_path: Path, length: bytes) -> None:
    chunk = b"x" * 65_536

    def flood(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        while True:
            connection.sendall(b"10000\r\n" + chunk + b"\r\n")

    web.says = flood
    error = refuses(web, tmp_path, most=100_000)
    assert error.fault is Fault.INPUT_TOO_LARGE
    assert error.breach is not None
    assert error.breach.allowed == 100_000 < error.breach.measured
    assert (tmp_path / "root" / "in.csv").stat().st_size <= 100_000


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"])
def test_a_server_that_speaks_too_slowly_does_not_outlast_the_deadline(web: WebServer, tmp_path: Path, begin: bytes) -> None:
    over = threading.Event()

    def drip(connection: ssl.SSLSocket) -> None:
        connection.sendall(begin)
        while not over.wait(0.02):
            connection.sendall(b"x")

    web.says = drip
    try:
        error = refuses(web, tmp_path, patience=1.0, most=10_000)
    finally:
        over.set()
    assert error.fault is Fault.INPUT_UNAVAILABLE
    assert error.detail in ("in.csv: the deadline is over", "in.csv: connect: TimeoutError")  # the latter on a very slow machine


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
def test_a_certificate_of_somebody_else(web: WebServer, tmp_path: Path, host: str) -> None:
    error = refuses(web, tmp_path, web.remote(host))
    assert (error.fault, error.detail) == (Fault.INPUT_UNAVAILABLE, "in.csv: its certificate is not trusted")
    assert web.requests == []


def test_a_certificate_that_nobody_vouches_for(web: WebServer, tmp_path: Path) -> None:
    web.ca = None  # type: ignore[assignment]
    assert refuses(web, tmp_path).detail == "in.csv: its certificate is not trusted"


def test_a_server_that_is_not_there(web: WebServer, tmp_path: Path, clock: None) -> None:
    web.stop()
    root = tmp_path / "root"
    root.mkdir()
    with pytest.raises(staging.StagingError) as caught:
        staging.stage((File("i", remote=web.remote()),), str(root), 10, {True: None}, faults.time.monotonic() + 60, lambda: False)
    assert (caught.value.fault, caught.value.detail) == (Fault.INPUT_UNAVAILABLE, "i: connect: ConnectionRefusedError")


def test_a_whole_attempt_takes_the_authority_of_the_order(pod: Pod, tmp_path: Path) -> None:
    ca = pod.store.secure(tmp_path).read_text()
    pod.store.gets["/data.csv"] = CONTENT
    url = f"https://127.0.0.1:{pod.store.port}"
    order = {
        "permit": wire.Permit(url + "/bucket", "s.example", pod.store.prefix, pod.store.fields, ca),
        "inputs": (File("in.csv", remote=Remote(url + "/data.csv", "s.example", web=True), sha256=DIGEST),),
    }
    program = "print(open('/inputs/in.csv').read())"
    manifest = pod.run(program, web_ca=ca, **order)
    assert manifest.complete and manifest.inputs[0].digest == DIGEST
