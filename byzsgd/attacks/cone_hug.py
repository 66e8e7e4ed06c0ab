"""Just inside what a filter on trusted data accepts."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.attacks.normal import normal
from byzsgd.attacks.outlook import uphill
from byzsgd.interfaces import View


@forging(
    Condition("evals >= 2", lambda evals: evals >= 2),
    Condition("0 < reach < inf", lambda reach: 0 < reach < math.inf),
    sees="delivered",
    previews=True,
)
def cone_hug(view: View, *, evals: int = 12, reach: float = 11.0) -> Tensor:
    """Sends (d,) the worst vector that the server's filters still accept on two paths that leave the honest mean.

    One path turns the mean round, through the part of −own orthogonal to it, at equal length: Zeno++ accepts up to
    cos(g, v) = ρ/γ − ε/‖v‖² whatever the length, everything once the trusted gradient v is short. The other retreats
    straight, mean·(1−s) for s up to `reach`: AFLGuard accepts up to s = λ, that is −(λ−1)·v. The last accepted point of
    each is found by bisection, `evals` previews a path; the one that leads the model further back is sent. With fewer
    than two visible honest vectors it sends its own.

    Against Xie, Koyejo, Gupta: Zeno++ (ICML 2020, arXiv 1903.07020) and Fang, Liu, Gong, Bentley: AFLGuard (ACSAC 2022,
    arXiv 2212.06325).
    """
    if view.honest.shape[0] < 2:
        return view.own
    mean = view.honest.mean(dim=0)
    length = torch.linalg.vector_norm(mean)
    if not 0 < length < math.inf:
        return view.own
    ahead = mean / length
    aside = _orthogonal(-view.own, ahead)
    if aside is None:
        aside = _orthogonal(normal(view), ahead)
    paths: list[tuple[Callable[[float], Tensor], float]] = [(lambda s: mean * (1 - s), reach)]
    if aside is not None:
        side = aside * length
        paths.append((lambda angle: mean * math.cos(angle) + side * math.sin(angle), math.pi))
    found = [_last_accepted(view, path, end, evals) for path, end in paths]
    candidates = [(uphill(led, mean), vector) for vector, led in (each for each in found if each is not None)]
    return max(candidates, key=lambda each: each[0])[1] if candidates else mean


def _orthogonal(vector: Tensor, unit: Tensor) -> Tensor | None:
    """The direction of what is left of the vector without its part along `unit`; None where nothing is."""
    rest = vector - torch.dot(vector, unit) * unit
    size = torch.linalg.vector_norm(rest)
    return rest / size if 1e-6 * torch.linalg.vector_norm(vector) < size < math.inf else None


def _last_accepted(view: View, path: Callable[[float], Tensor], end: float, evals: int) -> tuple[Tensor, Tensor] | None:
    """The furthest accepted vector found on a path, and where it would lead: the direction, or itself without one."""
    low, high, best = 0.0, end, None
    at = end
    for _ in range(evals):
        vector = path(at)
        decision = view.aggregator.preview(view.state, [view.arrival(vector)])
        if decision.accepted:
            best, low = (vector, vector if decision.direction is None else decision.direction), at
            if at == end:
                break
        else:
            high = at
        at = (low + high) / 2
    return best
