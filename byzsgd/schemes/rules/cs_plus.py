from __future__ import annotations

import math

from torch import Tensor

from byzsgd.schemes.rules.declaration import WEIGHT, clipped_to, distances, nearest_of_weight, node_rule


@node_rule(WEIGHT)
def cs_plus(own: Tensor, received: Tensor, weights: Tensor, *, byzantine_weight: float) -> Tensor:
    """CS⁺: clipping at the largest distance among the nearest whole rows of total weight Σw − 2β at most (0 where
    there is none), β = `byzantine_weight`: (d,), (k, d), (k,) -> (d,). β = 0 is the mean.

    Gaucher, Dieuleveut, Hendrikx: Achieving optimal breakdown for Byzantine robust gossip (2024, arXiv 2405.03449).
    """
    distance = distances(own, received)
    if byzantine_weight == 0:
        return clipped_to(own, received, weights, distance, math.inf)
    inside = nearest_of_weight(distance, weights, float(weights.double().sum()) - 2 * byzantine_weight)
    radius = float(distance[inside].max()) if bool(inside.any()) else 0.0
    return clipped_to(own, received, weights, distance, radius)
