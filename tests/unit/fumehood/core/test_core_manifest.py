from __future__ import annotations

from dataclasses import replace

import pytest

from fumehood.core.manifest import ManifestError, digest, verify
from fumehood_sandbox import wire
from unit.fumehood.builders import manifest, seal_of

SUBJECT = manifest().subject


def test_the_manifest_that_the_seal_names_is_believed() -> None:
    raw, seal = seal_of(manifest())
    assert verify(raw, seal, SUBJECT) == manifest()


def test_other_bytes_are_not() -> None:
    raw, seal = seal_of(manifest())
    with pytest.raises(ManifestError, match="digest"):
        verify(raw + b" ", seal, SUBJECT)


@pytest.mark.parametrize("field", [{"uid": "other"}, {"attempt": 2}, {"namespace": "other"}, {"name": "other"}], ids=str)
def test_one_of_another_attempt_is_not(field: dict[str, object]) -> None:
    raw, seal = seal_of(manifest(subject=replace(SUBJECT, **field)))  # type: ignore[arg-type]
    with pytest.raises(ManifestError, match="another attempt"):
        verify(raw, seal, SUBJECT)


def test_one_of_another_version_is_not() -> None:
    raw, seal = seal_of(manifest(version=wire.VERSION + 1))
    with pytest.raises(ManifestError, match="version"):
        verify(raw, seal, SUBJECT)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b'{"version": 1e999}'], ids=repr)
def test_bytes_that_are_no_manifest_are_not(raw: bytes) -> None:
    seal = replace(seal_of(manifest())[1], digest=digest(raw))
    with pytest.raises(ManifestError):
        verify(raw, seal, SUBJECT)


def test_a_seal_without_digest_names_nothing() -> None:
    raw, seal = seal_of(manifest())
    with pytest.raises(ManifestError):
        verify(raw, replace(seal, digest=None), SUBJECT)
