"""Downloads one input by its signed link.

Streamed into an open file, hashed on the way, and stopped as soon as it is
larger than allowed: what the store announces is checked, not believed.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import time

from . import transport
from .border.claim import Fault
from .border.order import Remote
from .faults import StoreError, Unavailable, sort_status
from .files import write

_CHUNK = 1 << 20


def fetch(descriptor: int, remote: Remote, cap: int, deadline: float) -> str:
    """Download at most `cap` bytes into an open file; return their sha256 in hex.

    Raises:
        StoreError: the object is missing, refused or too large, or could not be had (then another try may help).
    """
    os.ftruncate(descriptor, 0)  # what an earlier try has left
    os.lseek(descriptor, 0, os.SEEK_SET)
    connection = transport.connect(remote.url, remote.host, remote.ca, deadline)
    try:
        headers = {"Host": remote.host, "Connection": "close"}
        connection.request("GET", transport.target(remote.url), headers=headers)
        response = connection.getresponse()
        if response.status in (404, 410):
            raise StoreError(Fault.INPUT_MISSING, f"status {response.status}")
        if response.status != 200:
            raise sort_status(response.status, "get")
        return _copy(response, descriptor, cap, deadline)
    except (OSError, http.client.HTTPException) as error:
        if getattr(error, "errno", None) == errno.ENOSPC:  # of our disk, not of the network
            raise StoreError(Fault.INPUT_TOO_LARGE, "there is no room for it") from None
        raise Unavailable(f"get: {type(error).__name__}") from None
    finally:
        connection.close()


def _copy(response: http.client.HTTPResponse, descriptor: int, cap: int, deadline: float) -> str:
    digest = hashlib.sha256()
    size, announced = 0, response.length
    if announced is not None and announced > cap:
        raise StoreError(Fault.INPUT_TOO_LARGE, f"has {announced} bytes, at most {cap} are allowed")
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > cap:
            raise StoreError(Fault.INPUT_TOO_LARGE, f"has more than {cap} bytes")
        if time.monotonic() > deadline:
            raise Unavailable("the deadline is over")
        digest.update(chunk)
        write(descriptor, chunk)
    if announced is not None and size != announced:
        raise Unavailable("the connection ended early")
    return digest.hexdigest()
