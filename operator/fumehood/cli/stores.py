"""The store that commands read from, as the environment names it."""

from __future__ import annotations

import os

from pydantic import SecretStr

from ..settings import StoreSettings
from ..storage.s3 import S3Store, utc_now

VARIABLES = ("S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY")


def missing() -> tuple[str, ...]:
    """Return the variables that are not set."""
    return tuple(name for name in VARIABLES if not os.environ.get(name))


def from_environment() -> S3Store:
    """Return the store.

    Raises:
        ValueError: naming the variables that are not set, or what is wrong with them.
    """
    if names := missing():
        raise ValueError(f"{', '.join(names)} not set: say where the store is")
    settings = StoreSettings(
        endpoint=os.environ["S3_ENDPOINT"],
        bucket=os.environ["S3_BUCKET"],
        access_key=SecretStr(os.environ["S3_ACCESS_KEY"]),
        secret_key=SecretStr(os.environ["S3_SECRET_KEY"]),
        region=os.environ.get("S3_REGION") or "us-east-1",
        ca_file=os.environ.get("S3_CA_FILE") or None,
    )
    return S3Store(settings, utc_now)
