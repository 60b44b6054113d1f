"""What an environment's image holds: R's and TeX's packages, by the names that programs use.

They come from Debian, which no lock names, so the list is read out of the image's
archive when it is new; nothing of the image is executed.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from . import archives

_R = re.compile(r"usr/lib/R/(?:site-)?library/(?P<name>[^/]+)/DESCRIPTION")
_TEX = re.compile(r"usr/share/texlive/texmf-dist/tex/(?:generic|latex|lualatex|xelatex)/(?P<name>[A-Za-z0-9][^/]*)/[^/].*")
_STATUS = "var/lib/dpkg/status"
_TEX_LIVE = "texlive-base"  # whose version stands for all that is in TeX Live


def packages(archive: Path) -> dict[str, str]:
    """Name -> version of each package; kept beside the archive, since layers are large."""
    kept = archive.with_suffix(archives.PACKAGES)
    if not kept.exists():
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(_read(archive), sort_keys=True))
        partial.replace(kept)
    return dict(json.loads(kept.read_text()))


def _read(archive: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    tex: set[str] = set()
    release = ""
    with tarfile.open(archive) as packed:
        for layer in archives.layers(packed):
            for name, content in _files(layer):
                if match := _R.fullmatch(name):
                    found[match["name"]] = field(content.read().decode(errors="replace"), "Version")
                elif match := _TEX.fullmatch(name):
                    tex.add(match["name"])
                elif name == _STATUS:
                    release = _version(content.read().decode(errors="replace"), _TEX_LIVE) or release
    return dict(sorted((found | dict.fromkeys(tex, release)).items()))


def _files(layer: IO[bytes]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(fileobj=layer, mode="r|*") as members:
        for member in members:
            if member.isfile():
                yield member.name.removeprefix("./"), cast("IO[bytes]", members.extractfile(member))


def field(paragraph: str, name: str) -> str:
    """The value of one field of a Debian-style paragraph, which R's descriptions are, too (pure)."""
    found = re.search(rf"^{name}: *(\S+)", paragraph, re.MULTILINE)
    return found[1] if found else ""


def _version(status: str, package: str) -> str:
    found = (entry for entry in status.split("\n\n") if entry.startswith(f"Package: {package}\n"))
    return next((field(entry, "Version") for entry in found), "")
