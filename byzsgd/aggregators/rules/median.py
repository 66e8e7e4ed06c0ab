"""The coordinate-wise median."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import Bound, rule
from byzsgd.aggregators.rules.numerics.ordering import NOTHING, by_coordinate, coordinate_median


@rule(
    laws=("permutation", "translation", "scaling", "sign", "diagonal", "agreement", "bounded", "box"),
    kappa=Bound("4 (1 + f/(n-2f))^2", lambda n, f: 4 * (1 + f / (n - 2 * f)) ** 2),
    sizes="added",
)
def median(vectors: Tensor, *, lower: bool = False) -> Tensor:
    """The median of every coordinate, (k, d) -> (d,).

    With x₍₁₎ ≤ … ≤ x₍ₖ₎ per coordinate: the middle value for odd k, (x₍ₖ⸝₂₎ + x₍ₖ⸝₂₊₁₎)/2 for even k (`lower`: x₍ₖ⸝₂₎,
    which is not sign equivariant).

    Breakdown: (k-1)/2 rows.
    Bound: κ = 4 (1 + f/(n-2f))^2 (Allouah et al., AISTATS 2023, arXiv 2302.01772)
    Cost: kd log² k
    Yin, Chen, Ramchandran, Bartlett: Byzantine-robust distributed learning, ICML 2018, arXiv 1803.01498.
    """
    if lower:
        low = (vectors.shape[0] - 1) // 2
        return by_coordinate(vectors, lambda ordered: ordered[low], frozenset({low}), NOTHING)
    return coordinate_median(vectors)
