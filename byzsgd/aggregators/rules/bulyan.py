"""Bulyan: Krum picks, then a coordinate-wise mean around the median of the picks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule
from byzsgd.aggregators.laws import ROBUST
from byzsgd.aggregators.rules.numerics.distances import Distances, Measure, least
from byzsgd.aggregators.rules.numerics.ordering import (
    by_coordinate,
    middle,
    middle_positions,
    nearest_mean,
    nearest_positions,
)


@rule(
    Condition(
        "k >= 4f+3",
        lambda k, f: k >= 4 * f + 3,
        Condition("k >= 4f+1", lambda k, f: k >= 4 * f + 1),
    ),
    laws=ROBUST,
)
def bulyan(vectors: Tensor, *, f: int, strict: bool = True) -> Tensor:
    """Krum repeated, then the mean of the picked values nearest to their median, (k, d) -> (d,).

    θ = k-2f times: among the r rows left, the one with the least sum of squared distances to its max(1, r-f-2) nearest
    others is picked out; then, per coordinate, the mean of the θ-2f picked values nearest to the picked ones' median. A
    tie goes to the lexicographically smaller row and to the lower value, so the order of the rows does not matter.

    Condition: k >= 4f+3
    With `strict=False`, k >= 4f+1: computed, without the promise.
    Breakdown: (k-3)/4 rows.
    Cost: k²d + k³ log k.
    El Mhamdi, Guerraoui, Rouault: The hidden vulnerability of distributed learning in Byzantium, ICML 2018,
    arXiv 1802.07927.
    Differs: the paper breaks no ties; here equal scores go to the smaller row, and of two values equally near to the
    median the lower one counts, so that the answer is not sign equivariant on ties.
    """
    k = vectors.shape[0]
    picks = k - 2 * f
    distances = Distances(vectors)
    rest, winners = list(range(k)), []
    for _ in range(picks):
        rows, nearest = tuple(rest), max(1, len(rest) - f - 2)
        (winner,) = least(1, rows, _scores(distances, rows, nearest), distances.refine, vectors)
        winners.append(winner)
        rest.remove(winner)
    selection = vectors[sorted(winners)] if f else vectors

    count = picks - 2 * f
    exact, summed = nearest_positions(picks, count)
    return by_coordinate(
        selection,
        lambda ordered: nearest_mean(ordered, count, middle(ordered)),
        exact | middle_positions(picks),
        summed,
    )


def _scores(distances: Distances, rows: Sequence[int], nearest: int) -> Measure:
    return lambda: distances.sums(rows, nearest)
