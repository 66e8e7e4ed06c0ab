"""Sorted numbers of which one at a time is replaced, at a price that grows with the square root of their number.

They are tuples of tuples, so that a State can hold them: a replacement makes a new one and shares all that it did not
touch.
"""

from __future__ import annotations

from bisect import bisect_left

Ranking = tuple[tuple[float, ...], ...]  # ascending, in blocks that are not empty
LONG = 64  # numbers in a block, about


def ranking(value: float, count: int) -> Ranking:
    """One number many times."""
    return tuple((value,) * min(LONG, count - start) for start in range(0, count, LONG))


def replaced(blocks: Ranking, old: float, new: float) -> Ranking:
    """One `old`, which must be there, gives place to `new`."""
    if len(blocks) == 1 and len(blocks[0]) <= 2 * LONG:
        block = blocks[0]
        i, j = bisect_left(block, old), bisect_left(block, new)
        if i < j:
            return (block[:i] + block[i + 1 : j] + (new,) + block[j:],)
        return (block[:j] + (new,) + block[j:i] + block[i + 1 :],)
    changed = list(blocks)
    at = bisect_left(changed, old, key=_last)
    block = changed[at]
    i = bisect_left(block, old)
    changed[at : at + 1] = [block[:i] + block[i + 1 :]] if len(block) > 1 else []
    at = min(bisect_left(changed, new, key=_last), len(changed) - 1)
    block = changed[at]
    j = bisect_left(block, new)
    grown = block[:j] + (new,) + block[j:]
    changed[at : at + 1] = [grown] if len(grown) <= 2 * LONG else [grown[:LONG], grown[LONG:]]
    return tuple(changed)


def from_the_top(blocks: Ranking, rank: int) -> float:
    """The number with `rank` others at or above it: 0 is the greatest."""
    for block in reversed(blocks):
        if rank < len(block):
            return block[-1 - rank]
        rank -= len(block)
    raise IndexError("the ranking is shorter")


def _last(block: tuple[float, ...]) -> float:
    return block[-1]
