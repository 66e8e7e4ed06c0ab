"""The weighted geometric median by smoothed Weiszfeld steps."""

from __future__ import annotations

from torch import Tensor

from byzsgd.aggregators.declaration import Condition, weighted_rule
from byzsgd.aggregators.rules.numerics.affine import smoothed_weiszfeld
from byzsgd.aggregators.rules.weighted_median import weighted_median


@weighted_rule(
    Condition("steps >= 1", lambda steps: steps >= 1),
    Condition("1e-100 <= smoothing <= 1e100", lambda smoothing: 1e-100 <= smoothing <= 1e100),
    laws=("permutation", "translation", "sign", "bounded", "box"),
    lengths=("smoothing",),
)
def weighted_geometric_median(vectors: Tensor, weights: Tensor, *, steps: int = 3, smoothing: float = 1e-6) -> Tensor:
    """The smoothed weighted geometric median by Weiszfeld steps, (k, d), (k,) -> (d,).

    z ← Σ aᵢ xᵢ / Σ aᵢ with aᵢ = wᵢ/max(smoothing, ‖xᵢ - z‖), `steps` times from the weighted median.

    Breakdown: less than half of the total weight, in the limit of many steps.
    Cost: k²d.
    Dahan, Levy: Weight for robustness: a comprehensive approach towards optimal fault-tolerant asynchronous ML,
    NeurIPS 2024, arXiv 2501.09621; Pillutla, Kakade, Harchaoui 2022, arXiv 1912.13445.
    Differs: the paper of 2022 starts at the weighted mean, which one far row carries away; this starts at the weighted
    median, which is that of `weighted_median` where the weight is half the total exactly.
    """
    start = weighted_median.__wrapped__(vectors, weights)
    return smoothed_weiszfeld(vectors, weights.double().cpu().numpy(), start, steps, smoothing)
