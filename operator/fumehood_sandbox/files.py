"""Writing to descriptors, whole."""

from __future__ import annotations

import os


def write(descriptor: int, content: bytes) -> None:
    """Write all of `content`, however often the kernel takes a part of it."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
