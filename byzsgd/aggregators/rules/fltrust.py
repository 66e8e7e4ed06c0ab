"""FLTrust: rows weighted by their cosine with a trusted vector."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import rule
from byzsgd.aggregators.feeds import Trusted
from byzsgd.aggregators.rows import read_beside
from byzsgd.aggregators.rules.numerics.gram import combination, inner_products, squared_norms


@rule(laws=("permutation", "bounded"), feed=Trusted(), sizes="ignored", lengths=("trusted",))
def fltrust(vectors: Tensor, *, trusted: Tensor | np.ndarray) -> Tensor:
    """Rows rescaled to the norm of a trusted vector and weighted by their cosine with it, (k, d) -> (d,).

    Σ wᵢ xᵢ ‖t‖/‖xᵢ‖ / Σ wᵢ, wᵢ = max(0, cos(xᵢ, t)); zero when all weights are zero. In a server t is the gradient of
    the trusted data at the current model.

    Breakdown: any number of rows: the answer is never longer than the trusted vector.
    Cost: kd.
    Cao, Fang, Liu, Gong: FLTrust: Byzantine-robust federated learning via trust bootstrapping, NDSS 2021,
    arXiv 2012.13995.
    """
    reference = read_beside("fltrust", "trusted", trusted, vectors)
    lengths = np.sqrt(squared_norms(vectors))
    length = float(np.sqrt(squared_norms(reference[None])[0]))
    products = inner_products(vectors, reference)
    inverse = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    weights = np.maximum(products * inverse, 0.0)
    total = weights.sum()
    if total == 0:
        return vectors.new_zeros(vectors.shape[1])
    return combination(weights / total * inverse * length, vectors)
