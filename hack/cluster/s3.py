"""Create the bucket of an S3 server: one signed request, so that no client is needed."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from report import ClusterError

REGION = "us-east-1"
EMPTY = hashlib.sha256(b"").hexdigest()


def authorization(method: str, url: str, moment: str, access_key: str, secret_key: str, region: str) -> str:
    """Signature Version 4 of a request without body; ``moment`` is a time as 20260131T235959Z (pure)."""
    parts = urlsplit(url)
    headers = f"host:{parts.netloc}\nx-amz-content-sha256:{EMPTY}\nx-amz-date:{moment}\n"
    names = "host;x-amz-content-sha256;x-amz-date"
    request = "\n".join([method, parts.path, parts.query, headers, names, EMPTY])
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret_key}".encode()
    for step in (moment[:8], region, "s3", "aws4_request"):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={names}, Signature={signature}"


def ensure_bucket(endpoint: str, bucket: str, access_key: str, secret_key: str, *, patience: float = 15) -> None:
    """Create ``bucket`` unless it is there and ours; a store that just started is asked again."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return _create(endpoint, bucket, access_key, secret_key)
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(f"the store at {endpoint} cannot be reached: {error}") from error
        time.sleep(0.3)


def _create(endpoint: str, bucket: str, access_key: str, secret_key: str) -> None:
    url = f"{endpoint}/{bucket}"
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    request = urllib.request.Request(url, method="PUT")
    request.add_header("x-amz-date", moment)
    request.add_header("x-amz-content-sha256", EMPTY)
    request.add_header("Authorization", authorization("PUT", url, moment, access_key, secret_key, REGION))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        answer = error.read(2000).decode(errors="replace")
        if error.code == 503:
            raise ConnectionError(answer) from error
        if "BucketAlreadyOwnedByYou" not in answer:
            raise ClusterError(f"the store refused to create bucket {bucket!r}: {answer}") from error
