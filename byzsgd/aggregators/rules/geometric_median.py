"""The geometric median."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from byzsgd.aggregators.declaration import Bound, Condition, rule
from byzsgd.aggregators.rules.numerics.affine import Affine
from byzsgd.aggregators.rules.numerics.ordering import coordinate_median


@rule(
    Condition("tolerance > 0", lambda tolerance: tolerance > 0),
    Condition("max_steps >= 1", lambda max_steps: max_steps >= 1),
    laws=("permutation", "translation", "scaling", "sign", "rotation", "agreement", "bounded", "box"),
    kappa=Bound("4 (1 + f/(n-2f))^2", lambda n, f: 4 * (1 + f / (n - 2 * f)) ** 2),
)
def geometric_median(vectors: Tensor, *, tolerance: float = 1e-10, max_steps: int = 1000) -> Tensor:
    """The point of least total distance to the rows, (k, d) -> (d,).

    argmin Σ ‖y - xᵢ‖ by Weiszfeld's steps y ← Σ (xᵢ/dᵢ) / Σ (1/dᵢ), dᵢ = ‖xᵢ - y‖. They start at the best row, left by
    the Vardi-Zhang step if it is not the answer itself, so no later point is a row; wherever Newton's step goes lower
    it is taken instead. Stops when no distance changes by more than `tolerance` times the median one. On collinear
    rows, where the answer may not be unique, it is the median along their line.

    Breakdown: (k-1)/2 rows.
    Bound: κ = 4 (1 + f/(n-2f))^2 (Allouah et al., AISTATS 2023, arXiv 2302.01772)
    Cost: k²d + k³ per step
    Weiszfeld 1937; Vardi, Zhang: The multivariate L1-median and associated data depth, PNAS 2000; in this field Chen,
    Su, Xu: Distributed statistical machine learning in adversarial settings, POMACS 2017, arXiv 1705.05491.
    """
    rows = Affine(vectors)
    if _collinear(rows.inner, 1e-5):
        rows = Affine(vectors, precise=True)
        if _collinear(rows.inner, 1e-13):
            return coordinate_median(vectors)
    weights, at_row = _leave_best_row(rows)
    if at_row is not None:
        return vectors[at_row].clone()
    distances = _distances(rows, weights)
    for _ in range(max_steps):
        if not distances.all():
            break
        before = distances
        weiszfeld, newton = (weights * (1 - step.sum()) + step for step in _steps(rows, weights, distances))
        weights, distances = weiszfeld, _distances(rows, weiszfeld)
        faster = _distances(rows, newton)
        if faster.sum() <= distances.sum():
            weights, distances = newton, faster
        # By the distances, since a short step is the small difference of large terms. 1e-13: rounding of the far ones.
        if (np.abs(distances - before) <= tolerance * np.median(distances) + 1e-13 * distances).all():
            break
    return rows.point(weights)


def _distances(rows: Affine, weights: np.ndarray) -> np.ndarray:
    distances: np.ndarray = np.sqrt(np.maximum(rows.squared_distances(weights), 0.0))
    return distances


def _collinear(inner: np.ndarray, slack: float) -> bool:
    """Whether all rows lie on one line, by the cosines between their differences to one of them."""
    norms = inner.diagonal()
    row = int(norms.argmin())
    about = inner - inner[row] - inner[:, [row]] + norms[row]
    lengths = np.sqrt(np.maximum(about.diagonal(), 0.0))
    apart = lengths > np.sqrt(slack * (norms + norms[row]))
    cosines = about[np.ix_(apart, apart)] / np.outer(lengths[apart], lengths[apart])
    return bool((np.abs(cosines) > 1 - slack).all())


def _leave_best_row(rows: Affine) -> tuple[np.ndarray, int | None]:
    """Weights of the point after the Vardi–Zhang step from the best row, or that row if it is the answer."""
    k = len(rows.inner)
    norms = rows.inner.diagonal()
    apart = np.sqrt(np.maximum(norms[:, None] + norms - 2 * rows.inner, 0.0))
    totals = apart.sum(axis=1)
    # Beside very far rows several totals are equal up to rounding: then the row that most others are near to.
    ties = np.flatnonzero(totals <= totals.min() * (1 + 1e-14))
    best = int(ties[np.median(apart[ties], axis=1).argmin()])
    start = np.zeros(k)
    start[best] = 1.0
    distances = np.sqrt(rows.squared_distances_from(best))
    pull, force, multiplicity = _pulls(rows.about_row(best, distances), distances)
    if force[0] <= multiplicity[0]:
        return start, best
    # A row among near copies would only creep away from it. With the j nearest rows taken as copies of it, whatever
    # their distances, the step lowers the sum by (force - j)^2 / (2 Σ pull) or more.
    sure = np.maximum(force - multiplicity, 0.0) ** 2 / pull.sum(axis=1)
    j = int(sure.argmax())
    step = (1 - multiplicity[j] / force[j]) * pull[j] / pull[j].sum()
    return start * (1 - step.sum()) + step, None


def _pulls(about: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1/d of the rows beyond the j nearest to a row, the length of their joint pull on it, and j, for every j from the
    number of its copies to k-1: (m, k), (m,), (m,)."""
    order = np.argsort(distances, kind="stable")
    near = np.argsort(order, kind="stable")
    multiplicity = np.arange(int((distances == 0).sum()), len(distances))
    beyond = near >= multiplicity[:, None]
    pull = np.divide(1.0, distances, out=np.zeros(beyond.shape), where=beyond)
    force = np.sqrt(np.maximum(((pull @ about) * pull).sum(axis=1), 0.0))
    return pull, force, multiplicity


def _steps(rows: Affine, weights: np.ndarray, distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients c of Weiszfeld's and of Newton's step Σ cᵢ (xᵢ − y).

    The Hessian A I − Σ bᵢ bᵢᵀ, A = Σ 1/dᵢ, bᵢ = (xᵢ − y)/dᵢ^1.5, is inverted in the span of the rows (Woodbury).
    """
    inverse = 1 / distances
    total = inverse.sum()
    scale = inverse**1.5
    products = rows.about(weights) * np.outer(scale, scale)
    gradient = products @ (inverse / scale)
    try:
        solution = np.linalg.solve(total * np.eye(len(distances)) - products, gradient)
    except np.linalg.LinAlgError:
        solution = np.zeros_like(gradient)
    return inverse / total, (inverse + solution * scale) / total
