"""Says whether a file may hold what its viewer would execute: scripts, handlers, references elsewhere.

A flag for whoever shows artifacts, no filter: nothing is taken out. Nothing is
parsed either; the bytes are searched on their way to the store. What cannot be
looked through (compressed or encrypted objects, lines of blanks, too many bytes)
counts as active, so that hiding does not help.
"""

from __future__ import annotations

import re

from .formats import Format

MOST = 64 << 20  # bytes that are searched
_OVERLAP = 4096  # more than any pattern spans

_PAGES = (".html", ".htm", ".xhtml", ".xht", ".shtml", ".mht", ".mhtml", ".hta", ".svgz")
_IMAGE = rb"data:image/(?:png|jpe?g|gif|webp)[;,]"
_MARKUP = re.compile(
    rb"<(?:[^\s<>/\"'=]{0,999}:)?(?:script|foreignobject|i?frame|object|embed|applet|handler|listener"
    rb"|animate|set|meta|link|base|form|audio|video|html|body)\b"
    rb"|<[^\s<>/\"'=]{999}|(?<!\s)\s{999}"  # a run of blanks is looked at once, from its start
    rb"|[\s\"'/]on[a-z]{3,40}\s*="
    rb"|href(?!\s{0,999}=\s{0,999}[\"']\s{0,999}(?:#|" + _IMAGE + rb"))"
    rb"|url\((?!\s{0,9}[\"']?(?:#|" + _IMAGE + rb"))"
    rb"|@import|javascript:|data:text|<!(?:entity|attlist)|<\?xml-stylesheet|1999/xhtml",
    re.IGNORECASE,
)
_NAMES = (
    "JavaScript", "OpenAction", "Launch", "EmbeddedFile", "RichMedia", "SubmitForm", "ImportData", "GoToR", "GoToE",
    "Rendition", "Movie", "XFA", "ObjStm", "Encrypt",
)  # fmt: skip
_SHORT_NAMES = ("JS", "AA")  # which compressed bytes hold by chance


def _spelled(name: str) -> bytes:
    """A PDF name, each of whose letters may be given by its number."""
    return "".join(f"(?:{letter}|#(?i:{ord(letter):02x}))" for letter in name).encode()


_PDF = re.compile(
    b"/(?:" + b"|".join(map(_spelled, _NAMES)) + b")|/(?:" + b"|".join(map(_spelled, _SHORT_NAMES)) + rb")[\s(<\[/%]",
)


class Search:
    """Looks through one file, chunk by chunk; `found` says whether it may be active."""

    def __init__(self, pattern: re.Pattern[bytes] | None, *, found: bool = False) -> None:
        self.found = found
        self._pattern = None if found else pattern
        self._tail = b""
        self._left = MOST

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        if self._pattern is None or self.found:
            return
        self._left -= len(chunk)
        window = self._tail + chunk
        # What begins in the last part is judged when all of it is there.
        hit = self._pattern.search(window)
        self.found = self._left < 0 or (hit is not None and hit.start() < len(window) - _OVERLAP)
        self._tail = window[-2 * _OVERLAP :]

    def end(self) -> bool:
        """Return the answer: there are no more bytes."""
        if self._pattern is not None and not self.found:
            self.found = self._pattern.search(self._tail) is not None
        return self.found


def search(name: str, form: Format) -> Search:
    """Return the search that fits a file: what its bytes are, and what a viewer that goes by its name takes it for."""
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    if form.name == "html" or suffix in _PAGES:
        return Search(None, found=True)
    if form.name in ("svg", "xml") or suffix in (".svg", ".xml"):
        return Search(_MARKUP)
    if form.name == "pdf" or suffix == ".pdf":
        return Search(_PDF)
    return Search(None)
