from __future__ import annotations

import pytest

from fumehood.core.access import Readable
from fumehood.core.failures import Reason, Refused
from unit.fumehood.builders import UID

FOREIGN = f"other/{UID}/1/sha256/abc"
OWN = f"lab/{UID}/1/sha256/abc"
READABLE = Readable("fumehood", ("data",))


@pytest.mark.parametrize(
    "uri",
    [
        "s3://data/co2.csv",
        f"s3://data/{FOREIGN}",
        f"s3://fumehood/{OWN}",
        "s3://fumehood/public/co2.csv",
        "s3://data/a/...b/c",
        "s3://data/a/",
        f"s3://fumehood/lab/cache/{UID}/{'a' * 64}",
        "s3://fumehood/public/cache/co2.csv",
    ],
)
def test_what_may_be_read(uri: str) -> None:
    READABLE.check(uri, "lab")


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("s3://secret/co2.csv", id="other-bucket"),
        pytest.param("s3://data.evil/co2.csv", id="bucket-that-begins-alike"),
        pytest.param(f"s3://fumehood/{FOREIGN}", id="results-of-another-namespace"),
        pytest.param(f"s3://fumehood/other/{UID}/1/manifest.json", id="manifest-of-another-namespace"),
        pytest.param(f"s3://fumehood/other/cache/{UID}/{'a' * 64}", id="note-of-another-namespaces-result"),
        pytest.param(f"s3://fumehood/lab2/{UID}/1/x", id="namespace-that-begins-alike"),
        pytest.param(f"s3://fumehood/{OWN}/../../../../{FOREIGN}", id="dot-dot"),
        pytest.param("s3://data/../fumehood/x", id="first-dot-dot"),
        pytest.param("s3://data/a/./b", id="dot"),
        pytest.param(f"s3://fumehood//{FOREIGN}", id="empty-part"),
        pytest.param("s3://data", id="no-key"),
        pytest.param("s3://data/a//", id="folder-without-a-name"),
        pytest.param("s3://data//", id="root-without-a-name"),
    ],
)
def test_what_may_not_be_read(uri: str) -> None:
    with pytest.raises(Refused) as caught:
        READABLE.check(uri, "lab")
    assert caught.value.failure.reason is Reason.INPUT_NOT_ALLOWED
