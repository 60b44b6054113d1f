"""Which analyses stand for all (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from gallery.analyses import Analysis


def sample(analyses: Iterable[Analysis], count: int) -> tuple[Analysis, ...]:
    """Return `count` analyses, of each source as large a part as of all, but at least one; always the same ones."""
    shares = []
    for _, group in groupby(sorted(analyses), lambda one: one.source):
        drawn = sorted(group, key=lambda one: one.rank)
        # Each is placed on a line from 0 to 1 by its place in its source's draw; the first `count` of all are taken.
        shares += [(at / len(drawn), one) for at, one in enumerate(drawn)]
    return tuple(sorted(one for _, one in sorted(shares)[:count]))
