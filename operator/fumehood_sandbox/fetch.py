"""Downloads one input: by its signed link from the store, or from a web server.

Streamed into an open file, hashed on the way, and stopped as soon as it is
larger than allowed: what the other side announces is checked, not believed. It
may be anybody's, so nothing that it says leads elsewhere, and however slowly it
speaks, the deadline holds.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator

from . import transport
from .border.claim import Fault
from .border.order import Remote
from .faults import Late, StoreError, TooMuch, Unavailable, sort_status
from .files import write

_CHUNK = 1 << 20


def fetch(descriptor: int, remote: Remote, ca: str | None, room: int, deadline: float) -> str:
    """Download at most `room` bytes into an open file; return their sha256 in hex.

    Raises:
        StoreError: the file is missing, refused or too large, or could not be had (then another try may help).
    """
    os.ftruncate(descriptor, 0)  # what an earlier try has left
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        return _fetch(descriptor, remote, ca, room, deadline)
    except StoreError as error:
        judged = Late() if isinstance(error, Unavailable) and time.monotonic() >= deadline else error
        if remote.web and judged.fault in (Fault.STORE_UNREACHABLE, Fault.STORE_REFUSED):
            judged.fault = Fault.INPUT_UNAVAILABLE  # it is not our store that is at fault
        raise judged from None


def _fetch(descriptor: int, remote: Remote, ca: str | None, room: int, deadline: float) -> str:
    connection = transport.connect(remote.url, remote.host, ca, deadline)
    try:
        with _no_longer_than(deadline, connection.sock):
            headers = {"Host": remote.host, "Connection": "close"}
            connection.request("GET", transport.target(remote.url), headers=headers)
            return _take(connection.getresponse(), descriptor, room)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:  # of our disk, not of the network
            raise StoreError(Fault.INPUT_TOO_LARGE, "there is no room for it") from None
        raise Unavailable(f"get: {type(error).__name__}") from None
    finally:
        connection.close()


@contextlib.contextmanager
def _no_longer_than(deadline: float, connection: socket.socket) -> Iterator[None]:
    """Shut a connection at the deadline: a time limit on it is one for each byte."""

    def shut() -> None:
        with contextlib.suppress(OSError):
            # Not the method of TLS, which would have the reader go on in clear text.
            socket.socket.shutdown(connection, socket.SHUT_RDWR)

    watch = threading.Timer(max(0.0, deadline - time.monotonic()), shut)
    watch.daemon = True
    watch.start()
    try:
        yield
    finally:
        watch.cancel()


def _take(response: http.client.HTTPResponse, descriptor: int, room: int) -> str:
    status = response.status
    if status in (404, 410):
        raise StoreError(Fault.INPUT_MISSING, f"status {status}")
    if 300 <= status < 400:
        raise StoreError(Fault.STORE_REFUSED, f"status {status}: it leads elsewhere, and that is not followed; give the last URL")
    if status != 200:
        raise sort_status(status, "get")
    digest = hashlib.sha256()
    size, announced = 0, response.length
    if announced is None and not response.chunked:  # so are headers that break off
        raise Unavailable("the answer does not say how long it is")
    if announced is not None and announced > room:
        raise TooMuch(announced)
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > room:
            raise TooMuch(size)
        digest.update(chunk)
        write(descriptor, chunk)
    if announced is not None and size != announced:
        raise Unavailable("the connection ended early")
    return digest.hexdigest()
