"""The store that commands read from, as the environment names it."""

from __future__ import annotations

import os

from pydantic import ValidationError

from ..settings import StoreSettings
from ..storage.s3 import S3Store, utc_now

FIELDS = ("endpoint", "bucket", "access_key", "secret_key", "region", "ca_file")
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
    given = {field: value for field in FIELDS if (value := os.environ.get(_variable(field)))}
    try:
        settings = StoreSettings.model_validate(given)
    except ValidationError as error:
        wrong = (f"{_variable(fault['loc'][0])}: {fault['msg'].removeprefix('Value error, ')}" for fault in error.errors())
        raise ValueError("; ".join(wrong)) from None
    return S3Store(settings, utc_now)


def _variable(field: int | str) -> str:
    return f"S3_{field}".upper()
