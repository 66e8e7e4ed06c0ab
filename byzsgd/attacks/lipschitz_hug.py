"""Just under Kardam's threshold, always further the same way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, Attack, View


@dataclass
class LastSent:
    """What each liar sent last."""

    vectors: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LipschitzHug(Attack[LastSent]):
    """Drifts away from the honest mean, each time by `rho` of what Kardam's Lipschitz filter lets a vector change.

    (d,) g = g_last − s·mean/‖mean‖ with the largest s whose coefficient is rho times the threshold; g_last is what this
    liar sent last, mean that of the visible honest vectors. A coefficient is ‖g − a‖/D for some a and D that the filter
    knows, so three previews along the line give it for every s, whatever `candidate` and `memory` are. Where the line
    from g_last stays outside (`candidate=server`: a is the direction of the last update), those from the own vector,
    the mean, what each liar sent last and each visible honest vector are tried in turn: with one vector a step, a is
    among these. While the threshold is open it sends its own, and −fallback·own to a server without the filter.

    Against Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki: Asynchronous Byzantine machine learning (ICML 2018,
    arXiv 1802.07928): Lipschitzness bounds how fast a worker may change its mind, not where it goes.
    """

    rho: float = 0.99
    fallback: float = 10.0

    sees = "delivered"
    previews = True

    def __post_init__(self) -> None:
        require(0 < self.rho <= 1, "lipschitz_hug", "0 < rho <= 1", rho=self.rho)
        require(math.isfinite(self.fallback), "lipschitz_hug", "a finite fallback", fallback=self.fallback)

    def init(self, context: AdversaryContext) -> LastSent:
        return LastSent()

    def forge(self, view: View[LastSent]) -> Tensor:
        memory = view.memory
        vector = self._vector(view, memory.vectors.get(view.worker), memory.vectors.values())
        memory.vectors = {**memory.vectors, view.worker: vector}
        return vector

    def _vector(self, view: View, last: Tensor | None, others: Iterable[Tensor]) -> Tensor:
        if "lipschitz_threshold" not in view.aggregator.scores:
            return view.own * -self.fallback
        if view.honest.shape[0] < 2:
            return view.own
        mean = view.honest.mean(dim=0)
        size = float(torch.linalg.vector_norm(mean))
        if not 0 < size < math.inf:
            return view.own
        first = () if last is None else (last,)
        for base in (*first, view.own, mean, *others, *view.honest):
            judged = _judged(view, base)
            if judged is None:
                continue
            if not math.isfinite(judged[1]):
                return view.own
            vector = self._hug(view, base, mean / -size, size, *judged)
            if vector is not None:
                return vector
        return view.own if last is None else last

    def _hug(
        self, view: View, base: Tensor, way: Tensor, size: float, coefficient: float, threshold: float
    ) -> Tensor | None:
        """base + s·way with the largest s whose coefficient is rho·threshold; None where there is none."""
        ahead, behind = _judged(view, base + size * way), _judged(view, base - size * way)
        if ahead is None or behind is None:
            return None
        # Squared coefficients are a parabola in s.
        curve = (ahead[0] ** 2 + behind[0] ** 2 - 2 * coefficient**2) / (2 * size**2)
        slope = (ahead[0] ** 2 - behind[0] ** 2) / (2 * size)
        inside = slope**2 - 4 * curve * (coefficient**2 - (self.rho * threshold) ** 2)
        if not (0 < curve < math.inf and 0 <= inside < math.inf):
            return None
        vector = base + (math.sqrt(inside) - slope) / (2 * curve) * way
        refused = view.aggregator.preview(view.state, [view.arrival(vector)]).reason == "lipschitz"
        return None if refused else vector


def _judged(view: View, vector: Tensor) -> tuple[float, float] | None:
    """The coefficient and the threshold of a vector, were it sent; None where the filter does not tell."""
    scores = view.aggregator.preview(view.state, [view.arrival(vector)]).scores
    if "lipschitz_threshold" not in scores:
        return None
    return scores["lipschitz"], scores["lipschitz_threshold"]
