"""Image archives: the names that they declare, as the kubelet's side spells them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
import s3
from embedded.images import Image, canonical, declared_names, names_in, pack, without_tag
from report import ClusterError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("localhost/probe:1", "localhost/probe:1"),
        ("host:5000/probe", "host:5000/probe:latest"),
        ("example.org/a/b:2", "example.org/a/b:2"),
    ],
)
def test_canonical(given: str, expected: str) -> None:
    assert canonical(given) == expected
    assert canonical(expected) == expected


@pytest.mark.parametrize("given", ["probe", "probe:1", "team/probe:1"])
def test_a_name_without_a_host_is_refused(given: str) -> None:
    with pytest.raises(ClusterError, match="names no host"):
        canonical(given)


def test_name_by_digest() -> None:
    assert without_tag("host:5000/probe:1") == "host:5000/probe"
    assert Image("host:5000/probe:1", "sha256:00").pinned == "host:5000/probe@sha256:00"


def test_names_of_both_layouts() -> None:
    index = {"manifests": [{"annotations": {"org.opencontainers.image.ref.name": "a:1"}}, {}]}
    manifest = [{"RepoTags": ["a:1", "b:2"]}, {"RepoTags": None}]
    assert declared_names(json.dumps(index), json.dumps(manifest)) == ["a:1", "b:2"]
    assert declared_names("", "") == []


def test_packed_image_is_a_docker_archive_and_reproducible(tmp_path: Path) -> None:
    packed = pack({"pause": b"\x7fELF"}, ["/pause"], "x.local/pause:1")
    assert packed == pack({"pause": b"\x7fELF"}, ["/pause"], "x.local/pause:1")
    (tmp_path / "a.tar").write_bytes(packed)
    assert names_in(tmp_path / "a.tar") == ["x.local/pause:1"]
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["layer.tar", "config.json", "manifest.json"]


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"nothing")
    with pytest.raises(ClusterError, match="not an image archive"):
        names_in(tmp_path / "x")
    with pytest.raises(ClusterError, match="not an image archive"):
        names_in(tmp_path / "absent")


def test_signature_is_that_of_the_standard() -> None:
    header = s3.authorization("PUT", "http://198.18.0.6:9000/b", "20260131T235959Z", "key", "secret", "us-east-1")
    assert header.startswith("AWS4-HMAC-SHA256 Credential=key/20260131/us-east-1/s3/aws4_request, SignedHeaders=host;")
    other = s3.authorization("PUT", "http://198.18.0.6:9000/c", "20260131T235959Z", "key", "secret", "us-east-1")
    assert header != other
