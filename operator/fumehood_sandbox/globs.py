"""Which files the order declares as artifacts.

Patterns are compared folder by folder: `*` and `?` stay within one, a folder
called `**` stands for any number of them, none included.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from .border.order import OutputRule


def declared(name: str, rules: Sequence[OutputRule]) -> OutputRule | None:
    """Return the first rule that covers `name`."""
    return next((rule for rule in rules if matches(name, rule.path)), None)


def matches(name: str, pattern: str) -> bool:
    """Whether `name` (relative, with slashes) is covered. Time: folders of the name times those of the pattern."""
    parts, wanted = name.split("/"), pattern.split("/")
    reached = {0}  # how many parts can be used up by the pattern so far
    for want in wanted:
        if want == "**":
            reached = set(range(min(reached), len(parts) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatch.fnmatchcase(parts[at], want)}
    return len(parts) in reached
