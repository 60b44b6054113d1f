"""What an image holds, read from the lists that package managers leave in it (pure).

Nothing of the image is executed: whoever made it could have any answer given. The
lists are still the image's own word, so what is no name or version is left out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..api.v1alpha1 import Ecosystem, PackageVersion

MAX_LIST = 32 << 20  # bytes of one list; Debian's whole archive has a list of that size
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9+._:~!-]{0,127}")

Fields = Mapping[str, str]


@dataclass(frozen=True)
class _Place:
    """Lists of one kind: where they are, and how to read what they say."""

    path: re.Pattern[str]
    ecosystem: Ecosystem
    read: Callable[[str], Iterable[Fields]]
    name: str
    version: str


def is_list(path: str) -> bool:
    """Return whether the file at `path` (from the image's root, without a leading slash) lists packages."""
    return _place(path) is not None


def found(files: Mapping[str, bytes]) -> tuple[PackageVersion, ...]:
    """Return the packages that an image's lists, path to content, name; sorted, each once."""
    packages = {package for path, content in files.items() for package in _read(path, content)}
    return tuple(PackageVersion(name=name, version=version, ecosystem=ecosystem) for ecosystem, name, version in sorted(packages))


def inventory(packages: Iterable[PackageVersion]) -> str:
    """Return the digest of a list of packages, whatever its order."""
    lines = sorted({f"{package.ecosystem or ''}\t{package.name}\t{package.version}\n" for package in packages})
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def differences(before: Iterable[PackageVersion], after: Iterable[PackageVersion]) -> tuple[str, ...]:
    """Return what tells two lists apart, a line each: `- name version` is gone, `+ name version` is new."""
    old, new = ({f"{package.name} {package.version}" for package in packages} for packages in (before, after))
    return (*(f"- {line}" for line in sorted(old - new)), *(f"+ {line}" for line in sorted(new - old)))


def _read(path: str, content: bytes) -> Iterator[tuple[Ecosystem, str, str]]:
    place = _place(path)
    if place is None or len(content) > MAX_LIST:
        return
    for fields in place.read(content.decode(errors="replace")):
        name, version = fields.get(place.name, ""), fields.get(place.version, "")
        if _WORD.fullmatch(name) and _WORD.fullmatch(version) and _installed(fields):
            yield place.ecosystem, name, version


def _place(path: str) -> _Place | None:
    return next((place for place in _PLACES if place.path.fullmatch(path)), None)


def _installed(fields: Fields) -> bool:
    """dpkg also lists what was removed and left its configuration."""
    return "Status" not in fields or fields["Status"].split()[-1:] == ["installed"]


def _paragraphs(text: str) -> Iterator[Fields]:
    """`Field: value` lines, in paragraphs between empty lines; the first of a name counts, continuations do not."""
    fields: dict[str, str] = {}
    for line in (*text.split("\n"), ""):
        if line.strip():
            name, colon, value = line.partition(":")
            if colon and not line[0].isspace():
                fields.setdefault(name, value.strip())
        elif fields:
            yield fields
            fields = {}


def _heading(text: str) -> Iterator[Fields]:
    """The first paragraph alone: free text follows it."""
    yield from (fields for fields, _ in zip(_paragraphs(text), range(1), strict=False))


_PLACES = (
    _Place(re.compile(r"var/lib/dpkg/status(\.d/[^/]+)?"), Ecosystem.DEBIAN, _paragraphs, "Package", "Version"),
    _Place(re.compile(r"(usr/)?lib/apk/db/installed"), Ecosystem.ALPINE, _paragraphs, "P", "V"),
    _Place(re.compile(r"(.+/)?[^/]+\.dist-info/METADATA"), Ecosystem.PYTHON, _heading, "Name", "Version"),
    _Place(re.compile(r"(.+/)?[^/]+\.egg-info(/PKG-INFO)?"), Ecosystem.PYTHON, _heading, "Name", "Version"),
    _Place(re.compile(r"(.+/)?(site-)?library/[^/]+/DESCRIPTION"), Ecosystem.R, _heading, "Package", "Version"),
)
