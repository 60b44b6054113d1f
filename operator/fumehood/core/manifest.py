"""Whether a manifest may be believed: its bytes, its subject, its bounds."""

from __future__ import annotations

import hashlib

from fumehood_sandbox import wire


class ManifestError(ValueError):
    """The manifest is not the one that the collector sealed."""


def verify(raw: bytes, seal: wire.Seal, subject: wire.Subject) -> wire.Manifest:
    """Return the manifest in `raw` if it is the one that `seal` names and speaks of `subject`.

    Raises:
        ManifestError: naming what differs.
    """
    if seal.digest != digest(raw):
        raise ManifestError("its bytes do not have the digest that the collector reported")
    try:
        manifest = wire.decode(wire.Manifest, raw, max_bytes=wire.MAX_MANIFEST)
    except wire.DecodeError as error:
        raise ManifestError(str(error)) from None
    if manifest.version != wire.VERSION:
        raise ManifestError(f"version {manifest.version} is not {wire.VERSION}")
    if manifest.subject != subject:
        raise ManifestError("it speaks of another attempt")
    return manifest


def digest(raw: bytes) -> str:
    """Return the digest of `raw` as "sha256:<hex>"."""
    return "sha256:" + hashlib.sha256(raw).hexdigest()
