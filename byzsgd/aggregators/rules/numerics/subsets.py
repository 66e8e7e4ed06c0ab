"""Search for the best subset of k-f rows without looking at hopeless ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, combinations, islice

import numpy as np
from torch import Tensor

from byzsgd.aggregators.rules.numerics.affine import Affine
from byzsgd.aggregators.rules.numerics.distances import lexicographic
from byzsgd.aggregators.rules.numerics.gram import mean_of
from byzsgd.checks import require

BATCH = 50_000
LOOSE = 1e-5  # a relative difference that inner products of single precision are not trusted to


def mean_of_best(
    vectors: Tensor, f: int, best: Callable[[np.ndarray, int, float], Sequence[Sequence[int]]], tie: float
) -> Tensor:
    """The mean of the best subset of k-f rows. `best` lists, from inner products, f and a relative difference that is a
    tie, all that are the best; what is a tie in single precision is decided in double."""
    if f == 0:
        return mean_of(vectors, range(vectors.shape[0]))
    single = vectors.dtype.itemsize < 8
    subsets = best(Affine(vectors).inner, f, LOOSE if single else tie)
    if len(subsets) > 1 and single:
        subsets = best(Affine(vectors, precise=True).inner, f, tie)
    return mean_of(vectors, first_of(vectors, subsets))


def greedy(squared: np.ndarray, f: int) -> list[int]:
    """A good subset to start with: the row of largest total distance is dropped, f times."""
    rest = list(range(len(squared)))
    for _ in range(f):
        rest.pop(int(squared[np.ix_(rest, rest)].sum(axis=1).argmax()))
    return rest


def candidates(who: str, possible: Sequence[int], size: int, most: int) -> Iterator[np.ndarray]:
    """All subsets of `size` of the possible rows, as (≤BATCH, k − size) arrays of the positions outside.

    ValueError before the search where there are too many.
    """
    k, outside = len(possible), len(possible) - size
    count = math.comb(k, outside)
    require(count <= most, who, f"at most {most} subsets to compare", rows=k, f=outside, subsets=count)

    def batches() -> Iterator[np.ndarray]:
        everything = combinations(range(k), outside)
        while batch := list(islice(everything, BATCH)):
            flat = np.fromiter(chain.from_iterable(batch), dtype=np.intp, count=len(batch) * outside)
            yield flat.reshape(len(batch), outside)

    return batches()


def complements(outside: np.ndarray, k: int) -> np.ndarray:
    """(s, k) masks of the rows that are not at the positions `outside` (s, k − size)."""
    mask = np.ones((len(outside), k), dtype=bool)
    np.put_along_axis(mask, outside, False, axis=1)
    return mask


def first_of(vectors: Tensor, subsets: Sequence[Sequence[int]]) -> list[int]:
    """Among equally good subsets, the one whose sorted rows come first lexicographically."""
    if len(subsets) == 1:
        return list(subsets[0])
    union = sorted({row for subset in subsets for row in subset})
    ranks = lexicographic_ranks(vectors, union)
    return list(min(subsets, key=lambda subset: sorted(ranks[row] for row in subset)))


def lexicographic_ranks(vectors: Tensor, rows: Sequence[int]) -> dict[int, int]:
    """The rank of each row in lexicographic order; equal rows share one."""
    order = lexicographic(vectors, rows)
    ranks = {order[0]: 0}
    for before, row in zip(order, order[1:], strict=False):
        ranks[row] = ranks[before] + (not vectors[before].equal(vectors[row]))
    return ranks


def cover(conflicts: dict[int, set[int]], budget: int) -> bool:
    """Whether leaving out at most `budget` rows ends all conflicts: a vertex cover, by bounded search.

    A row with more conflicts than may still be left out goes itself; where no row has more than two, chains and rings
    are counted; else the row with most conflicts goes, or all that it conflicts with.
    """
    if budget < 0:
        return False
    degree, row = max(((len(others), row) for row, others in conflicts.items()), default=(0, -1))
    if degree == 0:
        return True
    if sum(len(others) for others in conflicts.values()) > 2 * degree * budget:
        return False
    if degree <= 2:
        return _chains(conflicts) <= budget
    if cover(without(conflicts, {row}), budget - 1):
        return True
    return degree <= budget and cover(without(conflicts, conflicts[row]), budget - degree)


def without(conflicts: dict[int, set[int]], rows: set[int]) -> dict[int, set[int]]:
    rest = {row: others - rows for row, others in conflicts.items() if row not in rows}
    return {row: others for row, others in rest.items() if others}


def _chains(conflicts: dict[int, set[int]]) -> int:
    """Least number of rows to leave out where all conflicts form chains and rings."""
    unseen, total = set(conflicts), 0
    while unseen:
        stack, part = [unseen.pop()], 1
        edges = len(conflicts[stack[0]])
        while stack:
            for other in conflicts[stack.pop()] & unseen:
                unseen.discard(other)
                stack.append(other)
                part += 1
                edges += len(conflicts[other])
        total += part // 2 if edges // 2 < part else -(-part // 2)
    return total
