"""Order statistics of every coordinate: the core of the coordinate-wise rules.

On a CPU, torch's sort, topk and kthvalue along the first dimension are several times slower than what is here: a
sorting network of NumPy's element-wise minima and maxima (half the cost of a call of torch's) on blocks of columns that
stay in the cache, or, for very many rows, NumPy's vectorised sort of transposed blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

MOST_ROWS_OF_A_NETWORK = 64
NETWORK_COLUMNS = 16384
SORT_COLUMNS = 2048

# low index, high index, whether its minimum is needed, whether its maximum is
Comparator = tuple[int, int, bool, bool]
# The k ordered rows of a block -> one row. Only the positions asked for may be read.
Reduce = Callable[[Sequence[Tensor]], Tensor]


def by_coordinate(vectors: Tensor, reduce: Reduce, exact: frozenset[int], summed: frozenset[int]) -> Tensor:
    """(k, d) -> (d,): `reduce` of the ordered values of every coordinate, block by block.

    `reduce` is given k rows x₍₁₎ ≤ … ≤ x₍ₖ₎, of which only the positions in `exact` are right one by one; those in
    `summed` are right as a set, so only their sum may be used.
    """
    k, d = vectors.shape
    if vectors.device.type != "cpu" or vectors.dtype not in (torch.float32, torch.float64):
        return reduce(vectors.sort(dim=0).values.unbind()).clone()
    answer = torch.empty(d, dtype=vectors.dtype)
    blocks = _by_network if k <= MOST_ROWS_OF_A_NETWORK else _by_sorting
    blocks(vectors, reduce, exact, summed, answer)
    return answer


def _by_network(vectors: Tensor, reduce: Reduce, exact: frozenset[int], summed: frozenset[int], answer: Tensor) -> None:
    k, d = vectors.shape
    comparators = network(k, exact, summed)
    width = min(d, NETWORK_COLUMNS)
    block = torch.empty((k + 1, width), dtype=vectors.dtype)
    for start in range(0, d, width):
        part = block[:, : min(width, d - start)]
        stop = start + part.shape[1]
        part[:k].copy_(vectors[:, start:stop])
        rows = part.unbind()
        answer[start:stop] = reduce([rows[position] for position in _run_network(list(part.numpy()), comparators)])


def _run_network(rows: list[np.ndarray], comparators: Sequence[Comparator]) -> list[int]:
    """Sends k rows, with a spare one behind them, through the network: the row at each position afterwards."""
    at = list(range(len(rows)))
    spare = at.pop()
    for low, high, minimum, maximum in comparators:
        a, b = rows[at[low]], rows[at[high]]
        if minimum and maximum:
            np.minimum(a, b, out=rows[spare])
            np.maximum(a, b, out=b)
            at[low], spare = spare, at[low]
        elif minimum:
            np.minimum(a, b, out=a)
        else:
            np.maximum(a, b, out=b)
    return at


def _by_sorting(vectors: Tensor, reduce: Reduce, exact: frozenset[int], summed: frozenset[int], answer: Tensor) -> None:
    k, d = vectors.shape
    width = min(d, SORT_COLUMNS)
    positions = exact | summed
    low, high = min(positions), max(positions) + 1
    block = torch.empty((width, k), dtype=vectors.dtype)
    ordered = torch.empty((k, width), dtype=vectors.dtype)
    for start in range(0, d, width):
        stop = min(d, start + width)
        part = block[: stop - start]
        part.copy_(vectors[:, start:stop].t())
        part.numpy().sort(axis=1)
        rows = ordered[:, : stop - start]
        rows[low:high].copy_(part[:, low:high].t())
        answer[start:stop] = reduce(rows.unbind())


@lru_cache(maxsize=256)
def network(k: int, exact: frozenset[int], summed: frozenset[int]) -> tuple[Comparator, ...]:
    """Batcher's odd-even merge sort of k values, without what no needed output depends on.

    A comparator whose two outputs are only summed is left out as well: it does not change their sum.
    Batcher: Sorting networks and their applications, AFIPS 1968.
    """
    needed, only_summed = set(exact), set(summed) - set(exact)
    comparators: list[Comparator] = []
    for low, high in reversed(_batcher(k)):
        minimum, maximum = (wire in needed or wire in only_summed for wire in (low, high))
        if not (minimum or maximum) or (low in only_summed and high in only_summed):
            continue
        comparators.append((low, high, minimum, maximum))
        needed |= {low, high}
        only_summed -= {low, high}
    return tuple(reversed(comparators))


def _batcher(k: int) -> list[tuple[int, int]]:
    """All comparators for k wires: those of the next power of two, without the wires beyond k (they would hold +∞)."""
    comparators = []
    p = 1
    while p < k:
        q = p
        while q >= 1:
            for j in range(q % p, k - q, 2 * q):
                for i in range(min(q, k - j - q)):
                    if (i + j) // (2 * p) == (i + j + q) // (2 * p):
                        comparators.append((i + j, i + j + q))
            q //= 2
        p *= 2
    return comparators


def span(start: int, stop: int) -> frozenset[int]:
    return frozenset(range(start, stop))


NOTHING: frozenset[int] = frozenset()


def middle(ordered: Sequence[Tensor]) -> Tensor:
    """The median of ordered rows: a new row, the midpoint for an even number."""
    k = len(ordered)
    low = ordered[(k - 1) // 2]
    # Halved before added: the sum of two huge values may overflow.
    return low.clone() if k % 2 else low * 0.5 + ordered[k // 2] * 0.5


def middle_positions(k: int) -> frozenset[int]:
    return frozenset({(k - 1) // 2, k // 2})


def total(rows: Sequence[Tensor]) -> Tensor:
    """A new row: the sum."""
    answer = rows[0].clone()
    for row in rows[1:]:
        answer.add_(row)
    return answer


def nearest_positions(k: int, count: int) -> tuple[frozenset[int], frozenset[int]]:
    """What `nearest_mean` reads: positions one by one, and positions that it only adds up."""
    half = k // 2
    summed = span(k - count, count)
    return span(max(0, half - count), min(k, half + count)) - summed, summed


def nearest_mean(ordered: Sequence[Tensor], count: int, centre: Tensor) -> Tensor:
    """Mean of the `count` ordered values nearest to a centre in their middle; a tie goes to the lower value.

    The centre lies between x₍ₖ₋count₊₁₎ and x₍count₎, or is the median. Of the lower half, from the middle outwards,
    the i-th value is taken iff it is at least as near as the (count+1-i)-th of the upper half, and that one otherwise:
    so `count` are taken in all, and none left out is nearer.
    """
    k = len(ordered)
    half = k // 2
    # Differences to the centre are what is summed: sums of the values would round at the size of their common part.
    deviation = torch.zeros_like(centre)
    for i in range(1, count + 1):
        low, high = half - i, half + count - i
        if high >= k:
            deviation.add_(ordered[low] - centre)
        elif low < 0:
            deviation.add_(ordered[high] - centre)
        else:
            below, above = ordered[low] - centre, ordered[high] - centre
            deviation.add_(torch.where(below.neg() <= above, below, above))
    return deviation.div_(count).add_(centre)


def coordinate_median(vectors: Tensor) -> Tensor:
    """(k, d) -> (d,): the midpoint median of every coordinate."""
    return by_coordinate(vectors, middle, middle_positions(vectors.shape[0]), NOTHING)
