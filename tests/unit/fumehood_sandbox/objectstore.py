"""A small object store for tests: takes signed POST forms as S3 does, gives objects by GET.

It checks what S3 and MinIO check of a form: the key's prefix, that the file is
the last field, the checksum; and it can be told to fail.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


def certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate of s.example; return it, and what a server needs that has it."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate")
    key, cert = folder / "key", folder / "cert"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=s.example", "-addext", "subjectAltName=DNS:s.example", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


class ObjectStore:
    """Objects by key, in the order of their arrival, and the faults still to be given."""

    def __init__(self, prefix: str = "lab/uid-1/1/") -> None:
        self.prefix = prefix
        self.fields = {"policy": "cG9saWN5", "x-amz-signature": "sig"}
        self.objects: dict[str, bytes] = {}
        self.types: dict[str, str] = {}
        self.requests: list[tuple[str, str]] = []  # method, Host header
        self.faults: list[int] = []  # statuses to answer next
        self.pauses: list[float] = []  # seconds to take for what is posted next
        self.max_size: int | None = None
        self.gets: dict[str, bytes] = {}
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen on loopback of the caller's network namespace."""
        handler = type("Handler", (_Handler,), {"store": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def secure(self, folder: Path) -> Path:
        """Speak TLS as s.example from now on; return the certificate, which is its own authority."""
        assert self._server is not None
        cert, context = certificate(folder)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return cert

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def take(self, body: bytes, boundary: str) -> int:
        """Judge one form; return the status."""
        parts = body.split(f"--{boundary}".encode())
        assert parts[0] == b"", "something stands before the form"
        assert parts[-1] == b"--\r\n", "the form does not end"
        fields: list[tuple[str, bytes]] = []
        for part in parts[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            found = re.search(rb'name="([^"]+)"', head)
            assert found, "a field has no name"
            fields.append((found[1].decode(), content.removesuffix(b"\r\n")))
        names = [name for name, _ in fields]
        assert names[-1] == "file", "the file is not the last field"
        form = dict(fields)
        key = form["key"].decode()
        if not key.startswith(self.prefix) or any(form.get(n) != v.encode() for n, v in self.fields.items()):
            return 403
        if self.max_size is not None and len(form["file"]) > self.max_size:
            return 400
        checksum = base64.b64encode(hashlib.sha256(form["file"]).digest())
        if form["x-amz-checksum-sha256"] != checksum or form["x-amz-checksum-algorithm"] != b"SHA256":
            return 400
        self.objects[key] = form["file"]
        self.types[key] = form["Content-Type"].decode()
        return 204


class _Handler(BaseHTTPRequestHandler):
    store: ObjectStore
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.store.requests.append(("POST", self.headers["Host"]))
        if self.store.faults:
            self.reply(self.store.faults.pop(0))
            return
        if self.store.pauses:
            time.sleep(self.store.pauses.pop(0))
        boundary = self.headers["Content-Type"].partition("boundary=")[2]
        status = self.store.take(body, boundary)
        self.reply(status, b"<Error><Code>EntityTooLarge</Code></Error>" if status == 400 else b"")

    def do_GET(self) -> None:
        self.store.requests.append(("GET", self.headers["Host"]))
        if self.store.faults:
            self.reply(self.store.faults.pop(0))
            return
        content = self.store.gets.get(self.path.partition("?")[0])
        self.reply(404 if content is None else 200, content or b"")

    def reply(self, status: int, content: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(0 if status == 204 else len(content)))
        self.end_headers()
        if status != 204:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass
