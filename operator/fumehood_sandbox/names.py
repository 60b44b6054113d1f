"""Tells names apart as file systems do that are not Linux's.

Names that differ in case alone, in how an accent is composed, or in dots and spaces
at the end, are one file for macOS or Windows, where artifacts are downloaded to: the
second would replace the first. Names that differ in characters without a width look
like one everywhere.
"""

from __future__ import annotations


class Names:
    """The names that are taken."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, name: str) -> bool:
        """Take a name; False if it cannot be told from one that is taken, as a file or as a folder."""
        folded = _folded(name)
        parts = folded.split("/")
        folders = {"/".join(parts[:depth]) for depth in range(1, len(parts))}
        if folded in self._files or folded in self._folders or folders & self._files:
            return False
        self._files.add(folded)
        self._folders |= folders
        return True


def _folded(name: str) -> str:
    if not name.isascii():
        name = _folded_widely(name)
    return "/".join(part.rstrip(". ") or part for part in name.lower().split("/"))


def _folded_widely(name: str) -> str:
    import unicodedata  # here: most names need no table

    visible = "".join(char for char in name if unicodedata.category(char) != "Cf")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", visible).casefold())
