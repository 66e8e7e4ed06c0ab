from __future__ import annotations

from torch import Tensor

from byzsgd.schemes.rules.declaration import Condition, clipped_to, distances, node_rule


@node_rule(Condition("radius >= 0", lambda radius: radius >= 0))
def clipped(own: Tensor, received: Tensor, weights: Tensor, *, radius: float = 1.0) -> Tensor:
    """ClippedGossip: own + Σ_j w_j·clip(x_j − own, τ), clip(z, τ) = z·min(1, τ/‖z‖): (d,), (k, d), (k,) -> (d,).

    One liar moves the result by w·τ at most. τ = 0 is the own model, τ = ∞ the mean.

    He, Karimireddy, Jaggi: Byzantine-robust decentralized learning via ClippedGossip (2022, arXiv 2202.01545); their
    stored runs have τ = 1, their theory a radius that needs to know who is honest.
    """
    return clipped_to(own, received, weights, distances(own, received), radius)
