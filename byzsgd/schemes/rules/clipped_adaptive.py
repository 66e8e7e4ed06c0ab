from __future__ import annotations

import math

from torch import Tensor

from byzsgd.schemes.rules.declaration import WEIGHT, clipped_to, distances, nearest_of_weight, node_rule


@node_rule(WEIGHT)
def clipped_adaptive(own: Tensor, received: Tensor, weights: Tensor, *, byzantine_weight: float) -> Tensor:
    """ClippedGossip with τ = √((1/β)·Σ w_j ‖x_j − own‖²), the sum over the nearest whole rows of total weight
    Σw − β at most, β = `byzantine_weight`: (d,), (k, d), (k,) -> (d,). β = 0 is the mean.

    He, Karimireddy, Jaggi: Byzantine-robust decentralized learning via ClippedGossip (2022, arXiv 2202.01545).
    """
    distance = distances(own, received)
    if byzantine_weight == 0:
        return clipped_to(own, received, weights, distance, math.inf)
    inside = nearest_of_weight(distance, weights, float(weights.double().sum()) - byzantine_weight)
    spread = float((weights.double() * distance.square())[inside].sum())
    return clipped_to(own, received, weights, distance, math.sqrt(spread / byzantine_weight))
