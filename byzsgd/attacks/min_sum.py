"""As far from all honest vectors together as the most remote honest one is."""

from __future__ import annotations

import torch
from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.attacks.deviation import DEVIATION, Deviation, perturbation, squared_distances
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(DEVIATION, sees="delivered")
def min_sum(view: View, *, deviation: Deviation = "std") -> Tensor:
    """Sends (d,) mean + γ·p, altogether no further from the honest vectors than the most remote of them is.

    γ is the largest with Σ_i ‖mean + γp − g_i‖² ≤ max_i Σ_j ‖g_i − g_j‖² over the visible honest g; p = −std,
    −mean/‖mean‖ (unit) or −sign(mean) (sign). With fewer than two visible honest vectors it sends its own.

    Shejwalkar, Houmansadr: Manipulating the Byzantine: optimizing model poisoning attacks and defenses for federated
    learning (NDSS 2021).
    Differs: γ in closed form, in place of halving; the authors' code has the smallest sum where the paper has max.
    """
    honest = view.honest
    if honest.shape[0] < 2:
        return view.own
    mean, push = perturbation(honest, deviation)
    length = torch.dot(push, push)
    if not length > 0:
        return mean
    gap = mean - honest
    room = squared_distances(honest).sum(dim=1).max() - (gap * gap).sum()
    return mean + (room.clamp(min=0) / (honest.shape[0] * length)).sqrt() * push
