"""What the cluster has, for others to read: ``.cluster/images.json``.

The Helm values, the demo and the tests take image references from there; all of
them are by digest. The cluster's own word on digests is preferred to the archive's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .catalogue import PREFIX, TEST, Image, describe, locked_packages

FILE = "images.json"


def reference(image: Image, digest: str) -> str:
    """NAME@DIGEST (pure)."""
    return f"{PREFIX}/{image.name}@{digest}"


def entry(root: Path, image: Image, digest: str, packages: Mapping[str, str]) -> dict[str, Any]:
    """The record of one image; `packages` is what it was found to hold, if no lock says it."""
    found: dict[str, Any] = {"reference": reference(image, digest), "tag": image.tag}
    if image.environment:
        description = describe(root / "images" / image.name / "environment.yaml")
        found |= {key: description[key] for key in ("adapter", "description", "envVersion")}
        found["packages"] = locked_packages((root / image.lock).read_text()) if image.lock else dict(packages)
    return found


def merge(document: Mapping[str, Any], image: Image, found: dict[str, Any]) -> dict[str, Any]:
    """The document with one image's record replaced (pure)."""
    merged = dict(document)
    kind = "environments" if image.environment else "tests" if image.test else None
    if kind is not None:
        merged[kind] = {**merged.get(kind, {}), image.name.removeprefix(TEST): found}
    else:
        merged[image.name] = found
    return dict(sorted(merged.items()))


def read(root: Path) -> dict[str, Any]:
    """The document as it is; empty if there is none yet."""
    try:
        return dict(json.loads((root / ".cluster" / FILE).read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def write(root: Path, document: Mapping[str, Any]) -> Path:
    """Replace the document, whole or not at all."""
    path = root / ".cluster" / FILE
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{FILE}.{os.getpid()}")
    partial.write_text(json.dumps(document, indent=2) + "\n")
    partial.replace(path)
    return path
