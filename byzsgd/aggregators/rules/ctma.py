"""Centred trimmed meta-aggregation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, weighted_rule
from byzsgd.aggregators.rules.numerics.distances import TIE
from byzsgd.aggregators.rules.numerics.gram import combination, squared_norms
from byzsgd.aggregators.rules.weighted_geometric_median import weighted_geometric_median
from byzsgd.aggregators.rules.weighted_median import weighted_median

BASES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "weighted_median": weighted_median,
    "weighted_geometric_median": weighted_geometric_median,
}


@weighted_rule(
    Condition("0 <= share < 1/2", lambda share: 0 <= share < 0.5),
    Condition(f"base of {', '.join(BASES)}, or a weighted rule", lambda base: base in BASES or callable(base)),
    laws=("permutation", "translation", "scaling", "sign", "bounded", "box"),
    tolerated="share",
)
def ctma(
    vectors: Tensor,
    weights: Tensor,
    *,
    share: float,
    base: str | Callable[[Tensor, Tensor], Tensor] = "weighted_median",
) -> Tensor:
    """The weighted mean of the rows nearest to what a base rule says, (k, d), (k,) -> (d,).

    x̂ = base(x, w); rows in the order of ‖xᵢ - x̂‖ (ties by row number) until their weight reaches (1-share)·Σw, the last
    one fractionally; their weighted sum over (1-share)·Σw.

    Condition: 0 <= share < 1/2
    Breakdown: `share` of the total weight.
    Cost: base + kd.
    Dahan, Levy: Weight for robustness: a comprehensive approach towards optimal fault-tolerant asynchronous ML,
    NeurIPS 2024, arXiv 2501.09621.
    """
    guess = (BASES[base] if isinstance(base, str) else base)(vectors, weights)
    squared = squared_norms(vectors, guess, precise=True)
    order = np.argsort(squared, kind="stable")
    # What differs by rounding alone is a tie.
    jumps = np.diff(squared[order]) > TIE * squared[order][1:]
    ranks = np.empty(len(order), dtype=int)
    ranks[order] = np.concatenate(([0], np.cumsum(jumps)))
    order = np.argsort(ranks, kind="stable")
    shares = weights.double().cpu().numpy()
    total = (1 - share) * shares.sum()
    before = np.concatenate(([0.0], np.cumsum(shares[order])[:-1]))
    portions = np.empty_like(shares)
    portions[order] = np.clip(total - before, 0.0, shares[order])
    return combination(portions / total, vectors)
