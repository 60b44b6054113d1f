"""Stores objects by signed POST forms: no storage key is in the Pod.

The form's fields come from the permit, then those that this side computes, and
the file last, as S3 wants them. Bodies are streamed, so memory stays flat; one
connection is kept and reused. An object counts as stored only when the store
says so after the whole body, which it checks against the digest.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
from collections.abc import Callable, Iterable

from . import transport
from .border.order import Permit
from .faults import StoreError, Unavailable, patience, retry, sort_status

IDLE = 30.0  # seconds without a byte
_DONE = {200, 201, 204}
_MAX_ANSWER = 1 << 16
_BOUNDARY = "fumehood-5f1d0c3b7a9e4826"

Stream = Callable[[], Iterable[bytes]]


class TooLarge(Exception):
    """The store refuses an object for its size."""


class Store:
    """Where one attempt puts its objects, until `deadline` (CLOCK_MONOTONIC; set when the harvest begins)."""

    def __init__(self, permit: Permit, deadline: float = 0.0) -> None:
        self._permit = permit
        self._connection: http.client.HTTPConnection | None = None
        self.deadline = deadline

    def put(self, name: str, content_type: str, sha256: bytes, size: int, stream: Stream) -> str:
        """Store `size` bytes that `stream` gives anew for each try; return the key.

        Raises:
            TooLarge: the permit does not cover the size.
            StoreError: the store refused, or was not to be had in time; Late: it was, but the time is over.
        """
        key = self._permit.prefix + name
        head = self._head(key, content_type, sha256)
        tail = f"\r\n--{_BOUNDARY}--\r\n".encode()
        retry(lambda: self._post(head, size, stream, tail), self.deadline)
        return key

    def close(self) -> None:
        """Drop the kept connection."""
        if self._connection:
            self._connection.close()
        self._connection = None

    def _head(self, key: str, content_type: str, sha256: bytes) -> bytes:
        computed = {
            "key": key,
            "Content-Type": content_type,
            "x-amz-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": base64.b64encode(sha256).decode(),
        }
        ours = {name.lower() for name in computed}
        fields = {name: value for name, value in self._permit.fields.items() if name.lower() not in ours} | computed
        parts = [f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()]
        parts.append(
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="object"\r\nContent-Type: {content_type}\r\n\r\n'
        )
        return "".join(parts).encode()

    def _post(self, head: bytes, size: int, stream: Stream, tail: bytes) -> None:
        answered = False
        try:
            status, answer = self._exchange(head, size, stream, tail)
            answered = True
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"post: {type(error).__name__}") from None
        finally:
            if not answered:
                self.close()  # also when the stream failed: half a body is on the way
        if status in _DONE:
            return
        self.close()
        raise _refusal(status, answer)

    def _exchange(self, head: bytes, size: int, stream: Stream, tail: bytes) -> tuple[int, bytes]:
        connection = self._connect()
        connection.putrequest("POST", transport.target(self._permit.url), skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", self._permit.host)
        connection.putheader("Content-Type", f"multipart/form-data; boundary={_BOUNDARY}")
        connection.putheader("Content-Length", str(len(head) + size + len(tail)))
        connection.endheaders()
        # A store that refuses does so before it has read all: its answer is in the pipe.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(head)
            for chunk in stream():
                patience(self.deadline, 1.0)
                connection.send(chunk)
            connection.send(tail)
        response = connection.getresponse()
        answer = response.read(_MAX_ANSWER)
        if response.will_close or not response.isclosed():
            self.close()
        return response.status, answer

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None or self._connection.sock is None:
            permit = self._permit
            self._connection = transport.connect(permit.url, permit.host, permit.ca, self.deadline)
            self._connection.sock.settimeout(IDLE)  # a store that is at work may finish its answer
        return self._connection


def _refusal(status: int, answer: bytes) -> StoreError | TooLarge:
    if status == 413 or (status == 400 and b"EntityTooLarge" in answer):
        return TooLarge()
    if status == 400 and b"RequestTimeout" in answer:
        return Unavailable("post: the store waited too long")
    return sort_status(status, "post")
