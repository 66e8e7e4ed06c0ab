"""As far from the honest mean as two honest vectors are from each other."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.attacks.deviation import DEVIATION, Deviation, perturbation, squared_distances
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(DEVIATION, sees="delivered")
def min_max(view: View, *, deviation: Deviation = "std") -> Tensor:
    """Sends (d,) mean + γ·p, no further from any honest vector than two honest ones are from each other.

    γ is the largest with max_i ‖mean + γp − g_i‖ ≤ max_{i,j} ‖g_i − g_j‖ over the visible honest g; p = −std,
    −mean/‖mean‖ (unit) or −sign(mean) (sign). With fewer than two visible honest vectors it sends its own.

    Shejwalkar, Houmansadr: Manipulating the Byzantine: optimizing model poisoning attacks and defenses for federated
    learning (NDSS 2021).
    Differs: γ is the exact root of the quadratic; the paper halves a step from γ = 10 until it is below 1e-5.
    """
    honest = view.honest
    if honest.shape[0] < 2:
        return view.own
    mean, push = perturbation(honest, deviation)
    length = torch.dot(push, push)
    if not length > 0:
        return mean
    gap = mean - honest
    slope = gap @ push
    room = squared_distances(honest).max() - (gap * gap).sum(dim=1)
    roots = ((slope * slope + length * room).clamp(min=0).sqrt() - slope) / length
    return mean + roots.min() * push
