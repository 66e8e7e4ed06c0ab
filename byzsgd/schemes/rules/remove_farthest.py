from __future__ import annotations

from torch import Tensor

from byzsgd.schemes.rules.declaration import WEIGHT, distances, node_rule
from byzsgd.schemes.rules.mean import mean


@node_rule(WEIGHT)
def remove_farthest(own: Tensor, received: Tensor, weights: Tensor, *, byzantine_weight: float) -> Tensor:
    """The farthest rows of total weight β are dropped, the last of them in part, and their weight stays on the own
    model; then the mean: (d,), (k, d), (k,) -> (d,). Of rows at the same distance the lower is dropped first.

    NNA: Farhadkhani, Guerraoui, Gupta, Hoang, Pinot, Stephan: Robust collaborative learning with linear gradient
    overhead (ICML 2023, arXiv 2209.10931); as GTS in Gaucher, Dieuleveut, Hendrikx (2024, arXiv 2405.03449).
    Differs: public code keeps the complement of the boundary row's weight, and so drops two of equal rows for one.
    """
    order = (-distances(own, received)).argsort(stable=True)
    rest, cumulative = weights.clone(), weights.double()[order].cumsum(0)
    excess = (byzantine_weight - (cumulative - weights.double()[order])).clamp(min=0.0)
    rest[order] = (weights.double()[order] - excess).clamp(min=0.0).to(weights.dtype)
    return mean(own, received, rest)
