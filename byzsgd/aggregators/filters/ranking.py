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


def replace(blocks: Ranking, old: float, new: float) -> Ranking:
    """The numbers with one `old`, which must be there, replaced by `new`."""
    if len(blocks) == 1 and len(blocks[0]) <= 2 * LONG:
        block = blocks[0]
        i, j = bisect_left(block, old), bisect_left(block, new)
        if i < j:
            return (block[:i] + block[i + 1 : j] + (new,) + block[j:],)
        return (block[:j] + (new,) + block[j:i] + block[i + 1 :],)
    copy = list(blocks)
    at = bisect_left(copy, old, key=_last)
    block = copy[at]
    i = bisect_left(block, old)
    copy[at : at + 1] = [block[:i] + block[i + 1 :]] if len(block) > 1 else []
    at = min(bisect_left(copy, new, key=_last), len(copy) - 1)
    block = copy[at]
    j = bisect_left(block, new)
    longer = block[:j] + (new,) + block[j:]
    copy[at : at + 1] = [longer] if len(longer) <= 2 * LONG else [longer[:LONG], longer[LONG:]]
    return tuple(copy)


def from_the_top(blocks: Ranking, rank: int) -> float:
    """The number with `rank` others at or above it: 0 is the greatest."""
    for block in reversed(blocks):
        if rank < len(block):
            return block[-1 - rank]
        rank -= len(block)
    raise IndexError("the ranking is shorter")


def _last(block: tuple[float, ...]) -> float:
    return block[-1]
