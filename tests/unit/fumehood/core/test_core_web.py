"""Which files of web servers a job's way out leads to."""

from __future__ import annotations

from typing import Any

import pytest

from fumehood.core import web
from fumehood.core.egress import Block, Grant
from fumehood.core.failures import Category, Refused
from fumehood_sandbox.wire import Remote

HOSTS = {"mirror.example": "198.51.100.7", "six.example": "2001:db8::7", "shut.example": "198.51.100.9"}


def way(**fields: Any) -> Grant:
    blocks = (Block("198.51.100.0/28", ("198.51.100.9/32",)), Block("2001:db8::/64"))
    return Grant(**({"profile": "mirror", "blocks": blocks, "ports": (443, 8443), "hosts": HOSTS} | fields))


@pytest.mark.parametrize(
    ("url", "by_address", "host"),
    [
        ("https://mirror.example/", "https://198.51.100.7:443/", "mirror.example"),
        ("https://mirror.example/a.csv?b=c&d", "https://198.51.100.7:443/a.csv?b=c&d", "mirror.example"),
        ("https://mirror.example:8443/a", "https://198.51.100.7:8443/a", "mirror.example:8443"),
        ("https://six.example/a", "https://[2001:db8::7]:443/a", "six.example"),
        ("https://mirror.example//x@evil.example/", "https://198.51.100.7:443//x@evil.example/", "mirror.example"),
        ("https://mirror.example/%C3%BC/ü", "https://198.51.100.7:443/%C3%BC/%C3%BC", "mirror.example"),
    ],
)
def test_the_address_stands_for_the_host(url: str, by_address: str, host: str) -> None:
    assert web.remote(url, way(), "in.csv") == Remote(by_address, host, web=True)


@pytest.mark.parametrize(
    ("url", "grant", "said"),
    [
        ("https://mirror.example/a", None, "needs spec.egress"),
        ("https://other.example/a", way(), "its hosts: mirror.example, shut.example, six.example"),
        ("https://other.example/a", way(hosts={}), "its hosts: none"),
        ("https://198.51.100.7/a", way(), "does not have this host"),
        ("https://mirror.example:9443/a", way(), "does not open TCP port 9443; it opens TCP 443, 8443"),
        ("https://mirror.example:99999/a", way(), "does not open TCP port 99999"),
        ("https://mirror.example/a", way(ports=(8443,)), "does not open TCP port 443"),
        ("https://mirror.example/a", way(protocol="UDP"), "does not open TCP port 443; it opens UDP"),
        ("https://shut.example/a", way(), "does not open this host's address"),
    ],
)
def test_what_is_not_opened_is_refused_with_what_would_be_right(url: str, grant: Grant | None, said: str) -> None:
    with pytest.raises(Refused) as caught:
        web.remote(url, grant, "in.csv")
    failure = caught.value.failure
    assert (failure.category, failure.reason, failure.evidence.entry) == (Category.VALIDATION_ERROR, "EgressNotAllowed", "in.csv")
    assert failure.message.startswith("spec.inputs: in.csv: https.url: ")
    assert said in failure.message
    assert "198.51.100.9" not in failure.message
