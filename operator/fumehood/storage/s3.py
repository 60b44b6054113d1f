"""An S3 store: signs permits and links, reads manifests. The only import of minio."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import socket
import ssl
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import certifi
import urllib3
from minio import Minio
from minio.datatypes import PostPolicy
from minio.error import MinioException, S3Error

from fumehood_sandbox import wire

from ..errors import Invalid, NotFound, SettingsError, Unavailable
from ..ports import Clock, Stored
from ..settings import StoreSettings

# What an upload's form may name besides its key; each value is the collector's choice.
_FREE_FIELDS = ("Content-Type", "x-amz-checksum-algorithm", "x-amz-checksum-sha256")
# A browser saves an artifact, wherever the object is linked from; it never shows one as a page of the store.
_DISPOSITION = ("Content-Disposition", "attachment")
_LONGEST = 7 * 24 * 3600.0  # a signature of version 4 lives no longer
_TIMEOUT = urllib3.Timeout(connect=5, read=30)


class S3Store:
    """Implements `ports.ArtifactStore`."""

    def __init__(self, settings: StoreSettings, clock: Clock) -> None:
        """Open no connection yet.

        Raises:
            SettingsError: the authorities cannot be read, or the client takes the endpoint for none.
        """
        self.bucket = settings.bucket
        self._settings = settings
        self._clock = clock
        self._ca = _authorities(settings.ca_file) if settings.ca_file else None
        self._client = _client(settings, self._ca)

    def addresses(self) -> tuple[str, ...]:
        """Return the store's addresses, resolved here because Pods have no DNS."""
        try:
            found = socket.getaddrinfo(self._settings.host, self._settings.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Unavailable(f"the store's host cannot be resolved ({type(error).__name__})") from None
        return tuple(sorted({str(entry[4][0]) for entry in found}))

    def permit(self, prefix: str, max_object: int, lifetime: float) -> wire.Permit:
        """See `ports.ArtifactStore`."""
        policy = PostPolicy(self.bucket, self._clock() + timedelta(seconds=min(lifetime, _LONGEST)))
        policy.add_starts_with_condition("key", prefix)
        policy.add_content_length_range_condition(0, max_object)
        policy.add_equals_condition(*_DISPOSITION)
        for field in _FREE_FIELDS:
            # The library lets no x-amz- field be free, which the servers do; without
            # this the digest would have to be known before the artifact exists.
            policy._conditions["starts-with"][field] = ""
        fields = self._client.presigned_post_policy(policy)
        url = self._by_address(f"{self._settings.endpoint}/{self.bucket}")
        return wire.Permit(url, urlsplit(self._settings.endpoint).netloc, prefix, dict([_DISPOSITION]) | fields, self._ca)

    def link(self, uri: str, lifetime: float) -> wire.Remote:
        """See `ports.ArtifactStore`."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        url = self._client.presigned_get_object(bucket, key, expires=timedelta(seconds=min(lifetime, _LONGEST)))
        return wire.Remote(url=self._by_address(url), host=urlsplit(self._settings.endpoint).netloc)

    async def list(self, uri: str, most: int) -> tuple[str, ...]:
        """See `ports.ArtifactStore`."""
        return await asyncio.to_thread(self._list, uri, most)

    async def read(self, key: str, max_bytes: int) -> bytes:
        """See `ports.ArtifactStore`."""
        return await asyncio.to_thread(self._read, key, max_bytes)

    async def write(self, key: str, content: bytes) -> None:
        """See `ports.ArtifactStore`."""
        await asyncio.to_thread(self._write, key, content)

    async def stored(self, key: str) -> Stored:
        """See `ports.ArtifactStore`."""
        return await asyncio.to_thread(self._stored, key)

    async def check(self) -> None:
        """Fail if the store cannot be used as it is set.

        Raises:
            SettingsError: the bucket does not exist or the keys are refused.
            Unavailable: no answer.
        """
        try:
            exists = await asyncio.to_thread(self._client.bucket_exists, self.bucket)
        except ValueError as error:
            raise SettingsError(f"store.bucket: {error}") from None
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise _translated(error, "bucket") from None
        if not exists:
            raise SettingsError(f"store.bucket: there is no bucket {self.bucket!r} at this endpoint")

    def _list(self, uri: str, most: int) -> tuple[str, ...]:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        try:
            objects = self._client.list_objects(bucket, prefix=prefix, recursive=True)
            names = (str(entry.object_name).removeprefix(prefix) for entry in objects)
            # Some tools mark a folder by an empty object of its name.
            return tuple(itertools.islice((name for name in names if name and not name.endswith("/")), most))
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            translated = _translated(error, uri)
            if isinstance(translated, NotFound):
                return ()
            raise translated from None

    def _read(self, key: str, max_bytes: int) -> bytes:
        response = None
        try:
            response = self._client.get_object(self.bucket, key)
            raw = bytes(response.read(max_bytes + 1))
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise _translated(error, key) from None
        finally:
            if response is not None:
                response.close()
                response.release_conn()
        if len(raw) > max_bytes:
            raise Invalid(f"{key}: more than {max_bytes} bytes")
        return raw

    def _write(self, key: str, content: bytes) -> None:
        try:
            self._client.put_object(self.bucket, key, io.BytesIO(content), len(content), "application/json")
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise _translated(error, key) from None

    def _stored(self, key: str) -> Stored:
        try:
            found = self._client.stat_object(self.bucket, key, extra_headers={"x-amz-checksum-mode": "ENABLED"})
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise _translated(error, key) from None
        return Stored(found.size or 0, _digest((found.metadata or {}).get("x-amz-checksum-sha256")))

    def _by_address(self, url: str) -> str:
        parts = urlsplit(url)
        address = self.addresses()[0]
        literal = f"[{address}]" if ":" in address else address
        return urlunsplit(parts._replace(netloc=f"{literal}:{self._settings.port}"))


def _digest(checksum: str | None) -> str | None:
    """Return a checksum header as a digest; that of an object in parts (…-3) is none of its bytes."""
    try:
        raw = base64.b64decode(checksum or "", validate=True)
    except ValueError:
        return None
    return f"sha256:{raw.hex()}" if len(raw) == 32 else None


def _translated(error: Exception, what: str) -> Exception:
    if isinstance(error, S3Error):
        if error.code in ("NoSuchKey", "NoSuchBucket"):
            return NotFound(f"the store has no {what}")
        if error.code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
            return Unavailable(f"the store refuses the operator's keys ({error.code})")
        return Unavailable(f"the store answered {error.code}")
    return Unavailable(f"the store did not answer ({type(error).__name__})")


def _client(settings: StoreSettings, ca: str | None) -> Minio:
    parts = urlsplit(settings.endpoint)
    secure = parts.scheme == "https"
    trust = _trust(ca) if secure else None
    try:
        return Minio(
            parts.netloc,
            access_key=settings.access_key.get_secret_value(),
            secret_key=settings.secret_key.get_secret_value(),
            secure=secure,
            region=settings.region,
            http_client=urllib3.PoolManager(timeout=_TIMEOUT, retries=False, maxsize=16, ssl_context=trust),
        )
    except ValueError as error:
        raise SettingsError(f"store.endpoint: {error}") from None


def _trust(ca: str | None) -> ssl.SSLContext:
    """Trust the given authorities alone, or else the machine's and the public ones: the operator's image has none of its own."""
    if ca is None:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context
    try:
        return ssl.create_default_context(cadata=ca or "\n")  # nothing at all would mean the machine's
    except ssl.SSLError:
        raise SettingsError("store.ca_file: this is no PEM file with certificates") from None


def _authorities(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"store.ca_file: {path} cannot be read ({type(error).__name__})") from None


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)
