"""Tells names apart as file systems do that are not Linux's.

Names that differ in case alone, or in how an accent is composed, are one file for
macOS and Windows, where artifacts are downloaded to: the second would replace the
first, or look like it.
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
    if name.isascii():
        return name.lower()
    import unicodedata  # here: most names need no table

    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
