"""The attack written for Krum."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.attacks.deviation import squared_distances
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("view")
@forging(Condition("0 < stop < inf", lambda stop: 0 < stop < math.inf), sees="delivered")
def fang_krum(view: View, *, stop: float = 1e-5) -> Tensor:
    """Sends (d,) −λ·sign(mean), λ halved until Krum would pick it among the visible honest vectors and m copies of it.

    λ starts at √(min_i Σ_{j nearest i} ‖g_i − g_j‖² / ((k−2m−1)·d)) + max_i ‖g_i‖ / √d with k = h+m rows and the h−2
    nearest honest j, and the last λ above `stop` is sent where Krum never picks it. Krum here is the rule itself, with
    f = m, whatever the server runs. With fewer than three visible honest vectors, or with k ≤ 2m+1, it sends its own.

    Fang, Cao, Jia, Gong: Local model poisoning attacks to Byzantine-robust federated learning (USENIX Security 2020,
    arXiv 1911.11815).
    """
    honest, m = view.honest, view.num_byzantine
    h, d = honest.shape
    if h < 3 or h <= m + 1:
        return view.own
    mean = honest.mean(dim=0)
    sign = mean.sign()
    between = squared_distances(honest).double()
    norms = (honest * honest).sum(dim=1).double()
    along = (honest @ sign).double()
    length = float(torch.dot(sign, sign))
    near = float(between.sort(dim=1).values[:, 1 : h - 1].sum(dim=1).min())
    size = ((near / (h - m - 1)) ** 0.5 + float(norms.max()) ** 0.5) / d**0.5
    while size / 2 > stop and math.isfinite(size):
        to_forged = norms + 2 * size * along + size * size * length
        if _picked(between, to_forged.clamp(min=0), m):
            break
        size /= 2
    forged: Tensor = sign * -size
    return forged


def _picked(between: Tensor, to_forged: Tensor, m: int) -> bool:
    """Whether Krum over h honest rows and m equal forged ones picks a forged one: sums over the h−2 nearest."""
    h = between.shape[0]
    forged = torch.cat([to_forged.new_zeros(m - 1), to_forged]).sort().values[: h - 2].sum()
    rows = torch.cat([between, to_forged.unsqueeze(1).expand(h, m)], dim=1).sort(dim=1).values
    return bool(forged <= rows[:, 1 : h - 1].sum(dim=1).min())
