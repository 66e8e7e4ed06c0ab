"""How different the workers' objectives are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from byzsgd.checks import require
from byzsgd.kernel.engine.evaluation import spread_of_gradients
from byzsgd.kernel.engine.problem import SupervisedProblem


@dataclass(frozen=True)
class Dissimilarity:
    """(1/n) Σ ‖∇f_i(x) − ∇f(x)‖² ≤ G² + B²·‖∇f(x)‖² at the points measured, f = (1/n) Σ f_i.

    Karimireddy, He, Jaggi: Byzantine-robust learning on heterogeneous datasets via bucketing (ICLR 2022),
    arXiv:2006.09365, and Allouah, Guerraoui, Gupta, Pinot, Rizk: Robust distributed learning: tight error bounds and
    breakdown point under data heterogeneity (NeurIPS 2023), arXiv:2309.13591. A bound at a few points says nothing of
    others.
    """

    G: float
    B: float
    spreads: tuple[float, ...]  # the left side at each point
    norms: tuple[float, ...]  # ‖∇f‖² at each point


def dissimilarity(problem: SupervisedProblem, blocks: Sequence[np.ndarray], points: Sequence[Tensor]) -> Dissimilarity:
    """Measured at the points (d,), of the workers whose data blocks are given; costs n full gradients a point.

    Of all pairs (G, B) that bound every point, the one whose bounds are least in sum.
    """
    require(len(blocks) > 0 and len(points) > 0, "dissimilarity", "blocks and points", blocks=len(blocks),
            points=len(points))  # fmt: skip
    spreads, norms = [], []
    for params in points:
        problem.flat.load(params)
        spread, norm = spread_of_gradients(problem.flat, problem.data.train, blocks, problem.data.loss)
        spreads.append(spread)
        norms.append(norm)
    return least_bound(spreads, norms)


def least_bound(spreads: Sequence[float], norms: Sequence[float]) -> Dissimilarity:
    """From what was measured at one point or more: the pair (G, B) whose bounds are least in sum."""
    G2, B2 = _bound(np.array(spreads), np.array(norms))
    return Dissimilarity(G2**0.5, B2**0.5, tuple(spreads), tuple(norms))


def _bound(spreads: np.ndarray, norms: np.ndarray) -> tuple[float, float]:
    """(G², B²) >= 0 with G² + B²·norm >= spread everywhere and the least Σ (G² + B²·norm): a linear programme in two
    unknowns, whose solution is at a vertex: a line through two points, or one with G = 0 or B = 0."""
    candidates = [(float(spreads.max()), 0.0)]
    if norms.min() > 0:
        candidates.append((0.0, float((spreads / norms).max())))
    for i in range(len(spreads)):
        for j in range(i):
            if norms[i] != norms[j]:
                slope = float((spreads[i] - spreads[j]) / (norms[i] - norms[j]))
                candidates.append((float(spreads[i]) - slope * float(norms[i]), slope))
    slack = 1e-9 * float(spreads.max())
    valid = [
        (level, slope)
        for level, slope in candidates
        if level >= 0 and slope >= 0 and bool((level + slope * norms >= spreads - slack).all())
    ]
    return min(valid, key=lambda pair: pair[0] * len(norms) + pair[1] * float(norms.sum()))
