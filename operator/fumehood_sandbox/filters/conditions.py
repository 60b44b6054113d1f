"""Conditions as libseccomp can take them: masked equalities, of which one suffices.

It knows no "has a bit of" and no masked "not equal"; a rule takes one condition
for each argument, and rules beside each other are alternatives, so two "not
equal" on one argument would refuse everything. A masked equality looks at 64
bits and ignores those outside of the mask, as the kernel does with an `int`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from .rules import ALL_BITS, Comparison, When

Equality = tuple[int, int]  # mask, value: argument & mask == value
Alternative = tuple[tuple[int, int, int], ...]  # argument, mask, value: all of them hold


def alternatives(conditions: Sequence[When]) -> list[Alternative]:
    """Return rules that together say the same as all of `conditions`."""
    each = [[(when.index, mask, value) for mask, value in equalities(when)] for when in conditions]
    return list(itertools.product(*each))


def equalities(when: When) -> list[Equality]:
    """Return masked equalities of which one holds exactly if `when` does."""
    if when.test is Comparison.IN:
        return [(when.mask, value & when.mask) for value in when.values]
    bits = [1 << place for place in reversed(range(ALL_BITS.bit_length())) if when.mask >> place & 1]
    if when.test is Comparison.ANY_BIT:
        return [(bit, bit) for bit in bits if any(value & bit for value in when.values)]
    return list(_others((0, 0), bits, [value & when.mask for value in when.values]))


def _others(prefix: Equality, bits: Sequence[int], values: Sequence[int]) -> Iterator[Equality]:
    """Yield the largest blocks, by their leading bits, in which none of `values` is."""
    if not values:
        yield prefix
    elif bits:
        mask, value = prefix
        bit, *rest = bits
        for side in (0, bit):
            yield from _others((mask | bit, value | side), rest, [v for v in values if v & bit == side])
