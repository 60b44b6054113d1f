"""What the operator logs: one line an event, without secrets, whoever wrote the message."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable

from .core import sanitise

CHATTY = ("kopf", "aiohttp.access")


class SafeFormatter(logging.Formatter):
    """Takes secrets and control characters out of whole records, tracebacks of any library included."""

    def __init__(self, private: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._private = tuple(private)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text that may be kept."""
        return sanitise.without(super().format(record), self._private)


def configure(level: str, private: Iterable[str]) -> None:
    """Log to standard error from `level` on; `private` are words that must not get there."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(SafeFormatter(private))
    logging.basicConfig(level=level, handlers=[handler])
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)
