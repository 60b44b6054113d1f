"""Signing is local: what a permit allows is read from the policy that it carries."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import certifi
import pytest
import urllib3
from minio.datatypes import Object
from minio.error import S3Error

from fumehood.errors import NotFound, SettingsError, Unavailable
from fumehood.ports import Stored
from fumehood.settings import StoreSettings
from fumehood.storage import s3
from unit.fumehood.builders import NOW, UID

PREFIX = f"lab/{UID}/1/"
SECRET = "hush-hush-secret"


def store(**fields: Any) -> s3.S3Store:
    values = {"endpoint": "http://192.0.2.10:9000", "bucket": "fumehood", "access_key": "access", "secret_key": SECRET} | fields
    return s3.S3Store(StoreSettings.model_validate(values), lambda: NOW)


def policy(fields: dict[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(base64.b64decode(fields["policy"]))
    return document


def test_a_permit_opens_one_prefix_to_objects_of_a_size_for_a_time() -> None:
    permit = store().permit(PREFIX, 1000, 3600)
    document = policy(permit.fields)
    assert ["starts-with", "$key", PREFIX] in document["conditions"]
    assert ["content-length-range", 0, 1000] in document["conditions"]
    assert ["eq", "$bucket", "fumehood"] in document["conditions"]
    assert datetime.fromisoformat(document["expiration"]) == NOW + timedelta(hours=1)
    assert (permit.prefix, permit.url) == (PREFIX, "http://192.0.2.10:9000/fumehood")


def test_every_object_is_stored_to_be_saved_not_shown() -> None:
    permit = store().permit(PREFIX, 1000, 3600)
    assert ["eq", "$Content-Disposition", "attachment"] in policy(permit.fields)["conditions"]  # the collector cannot choose
    assert permit.fields["Content-Disposition"] == "attachment"


def test_a_permit_lives_no_longer_than_a_signature_may() -> None:
    expiration = policy(store().permit(PREFIX, 1, 10**9).fields)["expiration"]
    assert datetime.fromisoformat(expiration) == NOW + timedelta(days=7)


def test_no_permit_or_link_holds_the_secret_key() -> None:
    one = store()
    permit, link = one.permit(PREFIX, 1000, 3600), one.link("s3://data/x", 3600)
    everything = f"{permit} {link} {base64.b64decode(permit.fields['policy']).decode()}"
    assert SECRET not in everything
    assert SECRET not in repr(one)


def test_signatures_differ_by_key_and_by_prefix() -> None:
    signatures = {
        store().permit(PREFIX, 1, 60).fields["x-amz-signature"],
        store().permit("other/", 1, 60).fields["x-amz-signature"],
        store(secret_key="another-secret").permit(PREFIX, 1, 60).fields["x-amz-signature"],
    }
    assert len(signatures) == 3


def test_a_link_names_one_object_and_its_lifetime() -> None:
    link = store().link("s3://data/a folder/größe.csv", 900)
    parts = urlsplit(link.url)
    assert parts.path == "/data/a%20folder/gr%C3%B6%C3%9Fe.csv"
    assert parse_qs(parts.query)["X-Amz-Expires"] == ["900"]
    assert parse_qs(parts.query)["X-Amz-SignedHeaders"] == ["host"]


@pytest.mark.parametrize(
    ("endpoint", "addresses", "url", "host"),
    [
        ("http://store.example:9000", ["192.0.2.7"], "http://192.0.2.7:9000/fumehood", "store.example:9000"),
        ("https://store.example", ["192.0.2.7"], "https://192.0.2.7:443/fumehood", "store.example"),
        ("https://store.example", ["2001:db8::1"], "https://[2001:db8::1]:443/fumehood", "store.example"),
    ],
)
def test_pods_get_an_address_because_they_have_no_dns(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, addresses: list[str], url: str, host: str
) -> None:
    monkeypatch.setattr("fumehood.storage.s3.socket.getaddrinfo", lambda *_, **__: [(0, 0, 0, "", (address, 0)) for address in addresses])
    permit = store(endpoint=endpoint).permit(PREFIX, 1, 60)
    assert (permit.url, permit.host) == (url, host)


def test_a_host_that_cannot_be_resolved_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise OSError("no such host")

    monkeypatch.setattr("fumehood.storage.s3.socket.getaddrinfo", fail)
    with pytest.raises(Unavailable):
        store(endpoint="http://store.example").permit(PREFIX, 1, 60)


def answer(code: str) -> S3Error:
    return S3Error(cast(Any, None), code, SECRET, "resource", "request", "host")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (answer("NoSuchKey"), NotFound),
        (answer("NoSuchBucket"), NotFound),
        (answer("AccessDenied"), Unavailable),
        (answer("SignatureDoesNotMatch"), Unavailable),
        (answer("SlowDown"), Unavailable),
        (answer("InternalError"), Unavailable),
        (urllib3.exceptions.MaxRetryError(None, "x"), Unavailable),  # type: ignore[arg-type]
        (urllib3.exceptions.ReadTimeoutError(None, "x", "y"), Unavailable),  # type: ignore[arg-type]
        (urllib3.exceptions.ProtocolError("x"), Unavailable),
    ],
    ids=lambda value: getattr(value, "code", None) or getattr(value, "__name__", None) or type(value).__name__,
)
async def test_every_trouble_of_the_store_has_a_meaning(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    one = store()

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(one._client, "get_object", fail)
    with pytest.raises(expected) as caught:
        await one.read("key", 10)
    assert SECRET not in str(caught.value)


class Response:
    closed = released = False

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    def read(self, amount: int) -> bytes:
        return self.raw[:amount]

    def close(self) -> None:
        self.closed = True

    def release_conn(self) -> None:
        self.released = True


@pytest.mark.parametrize(("size", "fits"), [(0, True), (10, True), (11, False), (1000, False)])
async def test_no_more_is_read_than_was_asked_for(monkeypatch: pytest.MonkeyPatch, size: int, fits: bool) -> None:
    one, response = store(), Response(b"x" * size)
    monkeypatch.setattr(one._client, "get_object", lambda *_: response)
    if fits:
        assert await one.read("key", 10) == b"x" * size
    else:
        with pytest.raises(Exception, match="more than 10 bytes"):
            await one.read("key", 10)
    assert response.closed and response.released


class TestStored:
    """What the store knows of an object without reading it."""

    @staticmethod
    def told(monkeypatch: pytest.MonkeyPatch, **headers: str) -> s3.S3Store:
        one = store()

        def stat(bucket: str, key: str, extra_headers: dict[str, str]) -> Object:
            assert (bucket, key, extra_headers) == ("fumehood", "key", {"x-amz-checksum-mode": "ENABLED"})
            return Object(bucket, key, size=3, metadata=urllib3.HTTPHeaderDict(headers))  # type: ignore[arg-type]

        monkeypatch.setattr(one._client, "stat_object", stat)
        return one

    async def test_the_digest_is_what_the_upload_was_checked_against(self, monkeypatch: pytest.MonkeyPatch) -> None:
        raw = hashlib.sha256(b"abc").digest()
        one = self.told(monkeypatch, **{"X-Amz-Checksum-Sha256": base64.b64encode(raw).decode()})
        assert await one.stored("key") == Stored(3, f"sha256:{raw.hex()}")

    @pytest.mark.parametrize("checksum", [None, "", "no base64!", "YWJj", base64.b64encode(b"x" * 32).decode() + "-3"])
    async def test_a_store_that_tells_no_digest(self, monkeypatch: pytest.MonkeyPatch, checksum: str | None) -> None:
        one = self.told(monkeypatch, **({"x-amz-checksum-sha256": checksum} if checksum is not None else {}))
        assert await one.stored("key") == Stored(3, None)

    async def test_an_object_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        one = store()

        def fail(*_: Any, **__: Any) -> None:
            raise answer("NoSuchKey")

        monkeypatch.setattr(one._client, "stat_object", fail)
        monkeypatch.setattr(one._client, "put_object", fail)
        with pytest.raises(NotFound):
            await one.stored("key")
        with pytest.raises(NotFound):
            await one.write("key", b"")


async def test_a_small_object_is_written_where_it_was_said(monkeypatch: pytest.MonkeyPatch) -> None:
    one, done = store(), []
    monkeypatch.setattr(
        one._client, "put_object", lambda bucket, key, data, length, kind: done.append((bucket, key, data.read(), length, kind))
    )
    await one.write("lab/cache/x", b"{}")
    assert done == [("fumehood", "lab/cache/x", b"{}", 2, "application/json")]


async def test_a_bucket_that_is_not_there_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    one = store()
    monkeypatch.setattr(one._client, "bucket_exists", lambda _: False)
    with pytest.raises(SettingsError, match="fumehood"):
        await one.check()


async def test_what_the_client_refuses_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    one = store()

    def refuse(_: str) -> bool:
        raise ValueError("bucket name x--ol-s3 must not end so")

    monkeypatch.setattr(one._client, "bucket_exists", refuse)
    with pytest.raises(SettingsError, match=r"store\.bucket: .*x--ol-s3"):
        await one.check()


def test_an_endpoint_that_the_client_refuses_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("invalid hostname")

    monkeypatch.setattr(s3, "Minio", refuse)
    with pytest.raises(SettingsError, match=r"store\.endpoint: invalid hostname"):
        store()


@pytest.mark.parametrize(
    "content", [None, b"", b"no certificate", "größe".encode(), b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"]
)
def test_authorities_that_cannot_be_read_stop_the_start(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.crt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"store\.ca_file"):
        store(endpoint="https://store.example", ca_file=str(path))


class TestTrust:
    """Which certificates the client takes, where the machine has no authorities: the operator's image has none."""

    @pytest.fixture(autouse=True)
    def bare(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))

    @staticmethod
    def trusted(one: s3.S3Store) -> set[bytes]:
        context: ssl.SSLContext = one._client._http.connection_pool_kw["ssl_context"]  # type: ignore[attr-defined]
        assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
        return set(context.get_ca_certs(binary_form=True))

    def test_the_public_authorities_are_trusted_without_any_given(self) -> None:
        assert self.trusted(store(endpoint="https://store.example")) == set(public())

    def test_those_of_the_machine_too(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        first, second = public()[:2]
        machines, publics = write(tmp_path / "machine.pem", [first]), write(tmp_path / "public.pem", [second])
        monkeypatch.setenv("SSL_CERT_FILE", str(machines))
        monkeypatch.setattr(certifi, "where", lambda: str(publics))
        assert self.trusted(store(endpoint="https://store.example")) == {first, second}

    def test_given_authorities_are_the_only_ones(self, tmp_path: Path) -> None:
        path = write(tmp_path / "ca.crt", public()[:1])
        one = store(endpoint="https://store.example", ca_file=str(path))
        assert self.trusted(one) == {public()[0]}


def public() -> list[bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(certifi.where())
    return sorted(context.get_ca_certs(binary_form=True))


def write(path: Path, certificates: list[bytes]) -> Path:
    path.write_text("".join(ssl.DER_cert_to_PEM_cert(one) for one in certificates))
    return path
