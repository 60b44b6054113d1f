"""Which of the files that a program left become artifacts: rules, then limits, in the order of names.

Previews come last and count for no limit: each belongs to an artifact, is small,
and there is at most one for each. What is too large for one, or is nobody's, is no
loss: it is treated like a file that no rule declares.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass

from .border.bounds import MAX_MANIFEST, MAX_OBJECT, MAX_PREVIEW
from .border.limits import Breach, Limit, Limits
from .border.manifest import Rejection as Reason
from .border.order import OutputRule
from .border.places import PREVIEWS
from .globs import declared, matches
from .names import Names
from .walk import Found, Tree

_ENTRY = 600  # bytes of an artifact in the manifest, besides its name
_ROOM = MAX_MANIFEST - (4 << 20)  # claim, logs and rejections need some
_BELOW = PREVIEWS + "/"


@dataclass(frozen=True)
class Choice:
    """One file to keep: the rule that declares it, if there are rules; whose preview it is, if it is one."""

    found: Found
    rule: OutputRule | None = None
    preview_of: str = ""


class Wanted:
    """Says by its name whether a file is meant as a result; `ignored` counts only where there are no rules."""

    def __init__(self, rules: Sequence[OutputRule], ignored: Sequence[str]) -> None:
        self.rules = rules
        self._ignored = ignored

    def __call__(self, name: str) -> bool:
        """Whether it is."""
        if name.startswith(_BELOW):
            return True
        if self.rules:
            return declared(name, self.rules) is not None
        return not any(matches(name, glob) for glob in self._ignored)


def choose(tree: Tree, rules: Sequence[OutputRule], limits: Limits) -> tuple[list[Choice], Breach | None]:
    """Return the files to keep and the first limit that the whole of them passes; the rest is rejected."""
    candidates: list[Found] = []
    previews: list[Found] = []
    names = Names()
    for found in tree.files:
        if not names.take(found.name):
            tree.reject(found.name, Reason.COLLISION)
        elif found.name.startswith(_BELOW):
            previews.append(found)
        else:
            candidates.append(found)
    chosen: list[Choice] = []
    size, room = 0, _ROOM
    for found in candidates:
        entry = _entry(found)
        if len(chosen) >= limits.artifacts or entry > room:
            tree.reject(found.name, Reason.COUNT)
        elif found.size > MAX_OBJECT or size + found.size > limits.artifact_bytes:
            tree.reject(found.name, Reason.SIZE)
        else:
            size, room = size + found.size, room - entry
            chosen.append(Choice(found, declared(found.name, rules)))
    return chosen + _previews(tree, previews, {choice.found.name for choice in chosen}, room), _breach(candidates, limits)


def _previews(tree: Tree, found: Sequence[Found], artifacts: set[str], room: int) -> list[Choice]:
    chosen: list[Choice] = []
    for preview in found:
        name, suffix = posixpath.splitext(preview.name.removeprefix(_BELOW))
        room -= _entry(preview)
        if name in artifacts and suffix in (".png", ".json") and preview.size <= MAX_PREVIEW and room > 0:
            artifacts.discard(name)
            chosen.append(Choice(preview, preview_of=name))
        else:
            tree.reject(preview.name, Reason.NOT_DECLARED)
    return chosen


def _entry(found: Found) -> int:
    return _ENTRY + 2 * len(json.dumps(found.name))


def _breach(candidates: Sequence[Found], limits: Limits) -> Breach | None:
    if len(candidates) > limits.artifacts:
        return Breach(Limit.ARTIFACTS, limits.artifacts, len(candidates))
    total = sum(found.size for found in candidates)
    if total > limits.artifact_bytes:
        return Breach(Limit.ARTIFACT_BYTES, limits.artifact_bytes, total)
    return None
