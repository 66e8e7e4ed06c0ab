"""Majority vote of signs."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import rule


@rule(laws=("permutation", "sign", "bounded"), sizes="ignored")
def sign_majority(vectors: Tensor) -> Tensor:
    """The sign of the sum of signs in every coordinate, (k, d) -> (d,), values -1, 0, 1.

    sign(Σ sign(xᵢ)), sign(0) = 0.

    Breakdown: (k-1)/2 rows per coordinate, where the honest ones agree on the sign.
    Cost: kd.
    Bernstein, Wang, Azizzadenesheli, Anandkumar: signSGD: compressed optimisation for non-convex problems, ICML 2018,
    arXiv 1802.04434; with majority vote: Bernstein, Zhao, Azizzadenesheli, Anandkumar, ICLR 2019, arXiv 1810.05291.
    """
    votes = vectors[0].sign()
    for row in vectors[1:]:
        votes.add_(row.sign())
    return votes.sign_()
