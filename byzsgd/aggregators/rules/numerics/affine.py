"""Points that are affine combinations of the rows, handled by their weights: iterations cost n·n, whatever d is."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.rules.numerics.gram import anchor, central_gram, combination, gram, squared_norms

# Below this share of the terms that it is the difference of, a squared distance is measured directly.
FINE = 1e-3


class Affine:
    """Distances of the rows to Σ wᵢ xᵢ, Σ w = 1, from one matrix of inner products about a row in their middle."""

    def __init__(self, vectors: Tensor, precise: bool = False) -> None:
        self.vectors = vectors
        self.inner = gram(vectors, vectors[anchor(vectors)], precise=True) if precise else central_gram(vectors)[0]

    def point(self, weights: np.ndarray) -> Tensor:
        return combination(weights, self.vectors)

    def squared_distances(self, weights: np.ndarray) -> np.ndarray:
        """(k,) ‖xᵢ − Σ wⱼ xⱼ‖²."""
        products = self.inner @ weights
        length = weights @ products
        norms = self.inner.diagonal()
        squared: np.ndarray = norms - 2 * products + length
        if (squared > FINE * (norms + abs(length))).all():
            return squared
        return squared_norms(self.vectors, self.point(weights), precise=True)

    def squared_distances_from(self, row: int) -> np.ndarray:
        """(k,) ‖xᵢ − x_row‖², zero for the row itself."""
        norms = self.inner.diagonal()
        squared: np.ndarray = norms - 2 * self.inner[row] + norms[row]
        fine = squared > FINE * (norms + norms[row])
        fine[row] = True
        if not fine.all():
            return squared_norms(self.vectors, self.vectors[row], precise=True)
        squared[row] = 0.0
        return squared

    def about(self, weights: np.ndarray) -> np.ndarray:
        """(k, k) inner products about Σ wᵢ xᵢ."""
        products = self.inner @ weights
        answer: np.ndarray = self.inner - products[:, None] - products + weights @ products
        return answer

    def about_row(self, row: int, distances: np.ndarray) -> np.ndarray:
        """(k, k) inner products about x_row at these distances; directly where another almost equals it."""
        norms = self.inner.diagonal()
        if (distances[distances > 0] ** 2 > FINE * norms[row]).all():
            return self.about(np.eye(len(norms))[row])
        return gram(self.vectors, self.vectors[row], precise=True)


def smoothed_weiszfeld(vectors: Tensor, shares: np.ndarray, start: Tensor, steps: int, smoothing: float) -> Tensor:
    """z ← Σ aᵢ xᵢ / Σ aᵢ with aᵢ = shareᵢ / max(smoothing, ‖xᵢ − z‖), `steps` times from a start of any kind."""
    squared = squared_norms(vectors, start)
    weights = np.empty(0)
    rows: Affine | None = None
    for step in range(steps):
        if step:
            rows = rows or Affine(vectors)
            squared = rows.squared_distances(weights)
        pull = shares / np.maximum(smoothing, np.sqrt(squared))
        weights = pull / pull.sum()
    return combination(weights, vectors)
