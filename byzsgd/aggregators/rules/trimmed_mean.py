"""The coordinate-wise trimmed mean."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import MORE_THAN_2F, Bound, rule
from byzsgd.aggregators.laws import BY_COORDINATE
from byzsgd.aggregators.rules.numerics.ordering import NOTHING, by_coordinate, span, total


@rule(
    MORE_THAN_2F,
    laws=BY_COORDINATE,
    kappa=Bound("6 g (1+g), g = f/(n-2f)", lambda n, f: 6 * f / (n - 2 * f) * (1 + f / (n - 2 * f))),
    sizes="added",
)
def trimmed_mean(vectors: Tensor, *, f: int) -> Tensor:
    """The mean of every coordinate without its f lowest and f highest values, (k, d) -> (d,).

    1/(k-2f) Σ x₍ᵢ₎ over i = f+1 … k-f, with x₍₁₎ ≤ … ≤ x₍ₖ₎ per coordinate.

    Condition: k >= 2f+1
    Breakdown: f rows.
    Bound: κ = 6 g (1+g), g = f/(n-2f)
    Cost: kd log² k
    Yin, Chen, Ramchandran, Bartlett: Byzantine-robust distributed learning, ICML 2018, arXiv 1803.01498.
    """
    k = vectors.shape[0]
    return by_coordinate(vectors, lambda ordered: total(ordered[f : k - f]).div_(k - 2 * f), NOTHING, span(f, k - f))
