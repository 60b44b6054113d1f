"""Makes sealed artifacts of what the program left behind.

First a choice (rules, then limits, in the order of names), which needs no byte
of any file; then every chosen file is read twice: once for its digest, once to
be stored, and the second reading must give the first one's digest.
What could not be stored in time is named, and what was stored counts.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import active, walk
from .border.bounds import MAX_MANIFEST, MAX_REJECTIONS
from .border.limits import Breach, Limit, Limits
from .border.manifest import Artifact, Rejected
from .border.manifest import Rejection as Reason
from .border.order import OutputRule
from .border.places import OBJECT_DIR
from .faults import Late, patience
from .formats import BINARY, HEAD, detect, kind_of
from .globs import declared, matches
from .names import Names
from .upload import Store, TooLarge
from .walk import Changed, Found, Tree

_CHUNK = 1 << 20
_ENTRY = 600  # bytes of an artifact in the manifest, besides its name
_ROOM = MAX_MANIFEST - (4 << 20)  # claim, logs and rejections need some


@dataclass
class Harvest:
    """What the attempt produced."""

    artifacts: list[Artifact] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    breach: Breach | None = None

    @property
    def whole(self) -> bool:
        """Nothing that was meant as a result is missing."""
        return self.breach is None and all(entry.reason is Reason.NOT_DECLARED for entry in self.rejected)

    @property
    def listed(self) -> tuple[Rejected, ...]:
        """The first rejections, attempts to escape before all others."""
        ordered = sorted(self.rejected, key=lambda entry: (not entry.escape, entry.name, entry.reason))
        return tuple(ordered[:MAX_REJECTIONS])


def gather(path: str, rules: Sequence[OutputRule], ignored: Sequence[str], limits: Limits, store: Store, allowed: float) -> Harvest:
    """Seal and store the artifacts below the folder `path` until the store's deadline, `allowed` seconds from the start.

    What a glob of `ignored` covers, and no rule, is left alone.

    Raises:
        StoreError: the store refused, or was not to be had in time.
    """
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        tree = walk.walk(root, path)
        chosen, breach = _choose(tree, rules, ignored, limits)
        harvest = Harvest(breach=breach)
        sealer = _Sealer(root, store, tree)
        for at, (found, rule) in enumerate(chosen):
            try:
                artifact = sealer.seal(found, rule)
            except Late:
                harvest.breach = breach or _late(store.deadline, allowed)
                for missed, _ in chosen[at:]:
                    tree.reject(missed.name, Reason.TIME)
                break
            if artifact:
                harvest.artifacts.append(artifact)
        harvest.rejected = tree.rejected
        return harvest
    finally:
        os.close(root)


Choice = tuple[Found, OutputRule | None]


def _choose(tree: Tree, rules: Sequence[OutputRule], ignored: Sequence[str], limits: Limits) -> tuple[list[Choice], Breach | None]:
    """Return the files to keep and the first limit that the whole of them passes."""
    candidates: list[Choice] = []
    names = Names()
    for found in tree.files:
        rule = declared(found.name, rules)
        if rule is None and any(matches(found.name, glob) for glob in ignored):
            continue
        if rules and rule is None:
            tree.reject(found.name, Reason.NOT_DECLARED)
        elif not names.take(found.name):
            tree.reject(found.name, Reason.COLLISION)
        else:
            candidates.append((found, rule))
    chosen: list[Choice] = []
    size, room = 0, _ROOM
    for found, rule in candidates:
        entry = _ENTRY + len(json.dumps(found.name))
        if len(chosen) >= limits.artifacts or entry > room:
            tree.reject(found.name, Reason.COUNT)
        elif size + found.size > limits.artifact_bytes:
            tree.reject(found.name, Reason.SIZE)
        else:
            size, room = size + found.size, room - entry
            chosen.append((found, rule))
    return chosen, _breach(candidates, limits)


def _breach(candidates: Sequence[Choice], limits: Limits) -> Breach | None:
    if len(candidates) > limits.artifacts:
        return Breach(Limit.ARTIFACTS, limits.artifacts, len(candidates))
    total = sum(found.size for found, _ in candidates)
    if total > limits.artifact_bytes:
        return Breach(Limit.ARTIFACT_BYTES, limits.artifact_bytes, total)
    return None


def _late(deadline: float, allowed: float) -> Breach:
    return Breach(Limit.HARVEST, allowed, round(allowed + max(0.0, time.monotonic() - deadline), 3))


class _Sealer:
    """Reads, stores and describes one file after the other; equal contents are stored once."""

    def __init__(self, root: int, store: Store, tree: Tree) -> None:
        self._root = root
        self._store = store
        self._tree = tree
        self._keys: dict[str, str] = {}

    def seal(self, found: Found, rule: OutputRule | None) -> Artifact | None:
        """Return the artifact, or None with the file rejected.

        Raises:
            StoreError: the store refused, or was not to be had; Late: the time is over.
        """
        patience(self._store.deadline, 0.0)
        try:
            descriptor = walk.open_file(self._root, found)
        except (Changed, OSError) as error:
            changed = isinstance(error, Changed | FileNotFoundError)
            self._tree.reject(found.name, Reason.CHANGED if changed else Reason.UNREADABLE)
            return None
        try:
            return self._seal(descriptor, found, rule)
        except (Changed, OSError, TooLarge) as error:
            reason = {Changed: Reason.CHANGED, TooLarge: Reason.SIZE}.get(type(error), Reason.UNREADABLE)
            self._tree.reject(found.name, reason)
            return None
        finally:
            os.close(descriptor)

    def _seal(self, descriptor: int, found: Found, rule: OutputRule | None) -> Artifact:
        form = detect(found.name, os.pread(descriptor, HEAD, 0))
        digest, search = hashlib.sha256(), active.search(found.name, form)
        for chunk in _read(descriptor, found):
            patience(self._store.deadline, 0.0)
            digest.update(chunk)
            search.feed(chunk)
        name, may_be_active = digest.hexdigest(), search.end()
        if name not in self._keys:
            # A browser that gets the object shall not find a reason to run it.
            content_type = BINARY.content_type if may_be_active else form.content_type
            self._keys[name] = self._put(descriptor, found, content_type, digest.digest())
        kind = rule.kind if rule else kind_of(form)
        return Artifact(found.name, kind, form.name, form.content_type, f"sha256:{name}", found.size, self._keys[name], may_be_active)

    def _put(self, descriptor: int, found: Found, content_type: str, digest: bytes) -> str:
        def stream() -> Iterator[bytes]:
            again = hashlib.sha256()
            held = b""  # the last chunk leaves only when all of them are known to be right
            for chunk in _read(descriptor, found):
                again.update(chunk)
                if held:
                    yield held
                held = chunk
            if again.digest() != digest:
                raise Changed
            yield held

        return self._store.put(OBJECT_DIR + digest.hex(), content_type, digest, found.size, stream)


def _read(descriptor: int, found: Found) -> Iterator[bytes]:
    """Yield exactly the bytes that were seen.

    Raises:
        Changed: there are others, more or fewer.
    """
    at = 0
    while at < found.size:
        chunk = os.pread(descriptor, min(_CHUNK, found.size - at), at)
        if not chunk:
            raise Changed
        at += len(chunk)
        yield chunk
    if not walk.unchanged(descriptor, found):
        raise Changed
