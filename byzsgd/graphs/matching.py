"""The graph `matching`: new partners in every round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import joined


@dataclass(frozen=True, kw_only=True)
class Matching:
    """A uniform perfect matching, drawn anew for every round: every node has one neighbour, and n must be even.

    Boyd, Ghosh, Prabhakar, Shah: Randomized gossip algorithms (IEEE Transactions on Information Theory 2006) analyse
    such exchanges. A single matching is not connected; the sequence of matchings mixes.
    """

    varying = True

    def __call__(self, num_workers: int, rng: np.random.Generator | None = None) -> np.ndarray:
        if rng is None:
            raise ValueError("the graph matching needs a generator; got none")
        require(num_workers % 2 == 0, "the graph matching", "an even number of nodes", num_workers=num_workers)
        order = rng.permutation(num_workers)
        return joined(num_workers, zip(order[0::2].tolist(), order[1::2].tolist(), strict=True))
