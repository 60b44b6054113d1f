"""HTTP to the object store and to web servers, by address: the Pod has no DNS.

A request goes to the address in the URL, names `host` in its header, and checks
the certificate against `host`.
"""

from __future__ import annotations

import http.client
import os
import socket
from urllib.parse import urlsplit

from .border.claim import Fault
from .faults import StoreError, Unavailable, patience

# The public authorities, as the payload brings them; the analysis' image may have none, or others.
AUTHORITIES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "authorities.pem")
_CONNECT = 5.0
_IDLE = 30.0  # seconds without a byte


def connect(url: str, host: str, ca: str | None, deadline: float) -> http.client.HTTPConnection:
    """Return an open connection to the address in `url`.

    Raises:
        StoreError: no connection, or not with this host.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    name = urlsplit(f"//{host}").hostname or ""
    try:
        raw = socket.create_connection((parts.hostname or "", port), timeout=patience(deadline, _CONNECT))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = http.client.HTTPConnection(name, port)
        connection.sock = _secure(raw, name, ca) if parts.scheme == "https" else raw
    except OSError as error:
        if type(error).__name__ == "SSLCertVerificationError":
            raise StoreError(Fault.STORE_UNREACHABLE, "its certificate is not trusted") from None
        raise Unavailable(f"connect: {type(error).__name__}") from None
    connection.sock.settimeout(patience(deadline, _IDLE))
    return connection


def target(url: str) -> str:
    """The request target of a URL: path and query."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _secure(raw: socket.socket, name: str, ca: str | None) -> socket.socket:
    import ssl  # here: it takes as long to load as all the rest

    public = AUTHORITIES if ca is None and os.path.exists(AUTHORITIES) else None
    context = ssl.create_default_context(cafile=public, cadata=ca)
    return context.wrap_socket(raw, server_hostname=name)
