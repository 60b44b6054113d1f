"""The program's stdout and stderr, as far as they are kept.

Bounded again on this side: the runner's bound is a claim. Both streams share one
limit, in the order of arrival, and are sealed as objects like any artifact.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from .border.bounds import MAX_TAIL
from .border.manifest import Log
from .border.places import OBJECT_DIR
from .formats import TEXT
from .frames import Kind

if TYPE_CHECKING:
    from .upload import Store  # which loads an HTTP client: not needed before the harvest


class Logs:
    """Both streams in memory, at most `limit` bytes together."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._kept = {Kind.STDOUT: bytearray(), Kind.STDERR: bytearray()}
        self._written = {Kind.STDOUT: 0, Kind.STDERR: 0}

    def add(self, kind: Kind, chunk: bytes) -> None:
        """Take a chunk of one stream; what does not fit is only counted."""
        kept = chunk[: self._room]
        self._room -= len(kept)
        self._kept[kind] += kept
        self._written[kind] += len(chunk)

    @property
    def truncated(self) -> bool:
        """Whether something was not kept."""
        return any(self._written[kind] > len(self._kept[kind]) for kind in self._kept)

    def seal(self, kind: Kind, store: Store) -> Log:
        """Store one stream and describe it."""
        content, written = bytes(self._kept[kind]), self._written[kind]
        digest = hashlib.sha256(content)
        name = OBJECT_DIR + digest.hexdigest()
        key = store.put(name, TEXT.content_type, digest.digest(), len(content), lambda: (content,))
        return Log(
            digest=f"sha256:{digest.hexdigest()}",
            size=len(content),
            key=key,
            written=written,
            truncated=written > len(content),
            tail=tail(content),
        )


def tail(content: bytes) -> str:
    """The end of a log as text: at most MAX_TAIL bytes of UTF-8, from the start of a line if there is one."""
    end = content[-MAX_TAIL:]
    if len(content) > MAX_TAIL:
        _, newline, rest = end.partition(b"\n")
        end = rest if newline and rest else end
    # A replacement character is longer than the byte it stands for.
    text = end.decode("utf-8", "replace").encode()[-MAX_TAIL:]
    return text.decode("utf-8", "ignore")
