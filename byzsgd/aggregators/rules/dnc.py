"""Divide and conquer: spectral outlier removal on random coordinates."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.declaration import Condition, rule
from byzsgd.aggregators.feeds import Randomness
from byzsgd.aggregators.rules.numerics.affine import Affine
from byzsgd.aggregators.rules.numerics.distances import least
from byzsgd.aggregators.rules.numerics.gram import mean_of
from byzsgd.checks import require


@rule(
    Condition("share >= 0", lambda share: share >= 0),
    Condition("k > share*f", lambda k, f, share: k > share * f),
    Condition("coordinates >= 1", lambda coordinates: coordinates >= 1),
    Condition("rounds >= 1", lambda rounds: rounds >= 1),
    laws=("permutation", "translation", "scaling", "sign", "rotation", "mean_without_liars", "box"),
    feed=Randomness(),
)
def dnc(
    vectors: Tensor,
    *,
    f: int,
    coordinates: int = 10000,
    share: float = 1.0,
    rounds: int = 1,
    rng: np.random.Generator,
) -> Tensor:
    """The mean of the rows that are never among the farthest along the top singular direction, (k, d) -> (d,).

    Per round, on a random subset of coordinates and centred: v the top right singular vector; the ⌊share·f⌋ rows of
    largest ⟨x, v⟩² are dropped. The rows kept in all rounds are averaged. A tie keeps the smaller row.

    Condition: share >= 0, k > share*f
    Breakdown: share·f rows, as far as the top direction is theirs.
    Cost: k² · coordinates.
    Shejwalkar, Houmansadr: Manipulating the Byzantine: optimizing model poisoning attacks and defenses for federated
    learning, NDSS 2021.
    """
    k, d = vectors.shape
    count = int(share * f)
    rows = set(range(k))
    for _ in range(rounds):
        part = vectors
        if d > coordinates:
            columns = np.sort(rng.choice(d, coordinates, replace=False))
            part = vectors[:, torch.as_tensor(columns, device=vectors.device)]
        rows &= set(_least_spread(part, k - count, vectors))
    require(bool(rows), "dnc", "a row that is kept in all rounds", k=k, f=f, share=share, rounds=rounds)
    return mean_of(vectors, sorted(rows))


def _least_spread(part: Tensor, count: int, vectors: Tensor) -> list[int]:
    """The `count` rows of least ⟨x, v⟩², v the top right singular vector of the centred part."""
    k = part.shape[0]
    axes = np.linalg.eigh(Affine(part).about(np.full(k, 1 / k)))[1]
    scores = np.square(axes[:, -1])
    return least(count, range(k), lambda: (scores, np.zeros(k)), lambda _: None, vectors)
