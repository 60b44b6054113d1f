"""Makes sealed artifacts of what the program left behind.

First a choice, which needs no byte of any file; then every chosen file is read twice: once for its digest, once to
be stored, and the second reading must give the first one's digest.
What could not be stored in time is named, and what was stored counts.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from . import active, walk
from .border.limits import Breach, Limit, Limits
from .border.manifest import Artifact
from .border.manifest import Rejection as Reason
from .border.order import OutputRule
from .border.places import OBJECT_DIR
from .choice import Choice, Wanted, choose
from .faults import Late, patience
from .formats import BINARY, HEAD, Format, detect, kind_of
from .upload import Store, TooLarge
from .walk import Changed, Found, Tree

_CHUNK = 1 << 20


@dataclass
class Harvest:
    """What the attempt produced, of which tree."""

    tree: Tree
    breach: Breach | None
    artifacts: list[Artifact] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Nothing that was meant as a result is missing."""
        return self.breach is None and self.tree.whole


def gather(path: str, rules: Sequence[OutputRule], ignored: Sequence[str], limits: Limits, store: Store, allowed: float) -> Harvest:
    """Seal and store the artifacts below the folder `path` until the store's deadline, `allowed` seconds from the start.

    What a glob of `ignored` covers, and no rule, is left alone.

    Raises:
        StoreError: the store refused, or was not to be had in time.
    """
    root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        tree = walk.walk(root, path, Wanted(rules, ignored))
        chosen, breach = choose(tree, rules, limits)
        harvest = Harvest(tree, breach)
        sealer = _Sealer(root, store, tree)
        for at, choice in enumerate(chosen):
            try:
                artifact = sealer.seal(choice)
            except Late:
                harvest.breach = breach or _late(store.deadline, allowed)
                for missed in chosen[at:]:
                    tree.reject(missed.found.name, Reason.TIME)
                break
            if artifact:
                harvest.artifacts.append(artifact)
        return harvest
    finally:
        os.close(root)


def _late(deadline: float, allowed: float) -> Breach:
    return Breach(Limit.HARVEST, allowed, round(allowed + max(0.0, time.monotonic() - deadline), 3))


class _Sealer:
    """Reads, stores and describes one file after the other; equal contents are stored once."""

    def __init__(self, root: int, store: Store, tree: Tree) -> None:
        self._root = root
        self._store = store
        self._tree = tree
        self._stored: dict[str, tuple[str, str]] = {}  # by digest: the object's key and content type

    def seal(self, choice: Choice) -> Artifact | None:
        """Return the artifact, or None with the file rejected.

        Raises:
            StoreError: the store refused, or was not to be had; Late: the time is over.
        """
        found = choice.found
        patience(self._store.deadline, 0.0)
        try:
            descriptor = walk.open_file(self._root, found)
        except (Changed, OSError) as error:
            changed = isinstance(error, Changed | FileNotFoundError)
            self._tree.reject(found.name, Reason.CHANGED if changed else Reason.UNREADABLE)
            return None
        try:
            return self._seal(descriptor, choice)
        except (Changed, OSError, TooLarge) as error:
            reason = {Changed: Reason.CHANGED, TooLarge: Reason.SIZE}.get(type(error), Reason.UNREADABLE)
            self._tree.reject(found.name, reason)
            return None
        finally:
            os.close(descriptor)

    def _seal(self, descriptor: int, choice: Choice) -> Artifact | None:
        found = choice.found
        form = detect(found.name, os.pread(descriptor, HEAD, 0))
        if choice.preview_of and form.name not in ("png", "json"):
            self._tree.reject(found.name, Reason.NOT_DECLARED)
            return None
        digest, search = hashlib.sha256(), active.search(found.name, form)
        for chunk in _read(descriptor, found):
            patience(self._store.deadline, 0.0)
            digest.update(chunk)
            search.feed(chunk)
        name, may_be_active = digest.hexdigest(), search.end()
        # A browser that gets the object shall not find a reason to run it, whichever of its names makes it active.
        content_type = BINARY.content_type if may_be_active else form.content_type
        if name not in self._stored or (may_be_active and self._stored[name][1] != content_type):
            self._stored[name] = self._put(descriptor, found, content_type, digest.digest()), content_type
        return Artifact(
            name=found.name,
            kind=_kind(choice, form),
            format=form.name,
            content_type=form.content_type,
            digest=f"sha256:{name}",
            size=found.size,
            key=self._stored[name][0],
            active=may_be_active,
            preview_of=choice.preview_of or None,
        )

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


def _kind(choice: Choice, form: Format) -> str:
    if choice.preview_of:
        return "preview"
    return choice.rule.kind if choice.rule else kind_of(form)


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
