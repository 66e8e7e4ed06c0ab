"""Zeno++'s filter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from byzsgd.aggregators.filters import trusted
from byzsgd.aggregators.magnitudes import at_length
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Judgement, ServerContext


@dataclass(frozen=True, kw_only=True)
class Zeno:
    """Rescales a vector to the length of the trusted gradient v and accepts it if it would lower the trusted loss.

    g ← g·‖v‖/‖g‖; accept iff gamma·⟨v, g⟩ − rho·‖g‖² + gamma·epsilon ≥ 0, with v = ∇ on trusted data, refreshed every
    `refresh` arrivals. Zero and non-finite vectors are refused. Score `zeno`: the left side.

    Xie, Koyejo, Gupta: Zeno++: robust fully asynchronous SGD, ICML 2020, arXiv 1903.07020.
    Differs: published code takes ‖g‖² before rescaling; here both terms are of the rescaled vector, as in the paper.
    """

    gamma: float
    rho: float
    epsilon: float
    refresh: int
    needs_read_params: ClassVar[bool] = False
    scores: tuple[str, ...] = field(default=("zeno",), init=False, repr=False)

    def __post_init__(self) -> None:
        require(self.gamma > 0, "zeno", "gamma > 0", gamma=self.gamma)
        require(self.rho >= 0, "zeno", "rho >= 0", rho=self.rho)
        require(self.epsilon >= 0, "zeno", "epsilon >= 0", epsilon=self.epsilon)
        require(self.refresh >= 1, "zeno", "refresh >= 1", refresh=self.refresh)

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    def init(self, context: ServerContext) -> trusted.TrustedState:
        return trusted.start("zeno", context)

    def judge(self, state: trusted.TrustedState, arrival: Arrival) -> Judgement:
        own = trusted.reference(state, self.refresh)
        if not (trusted.is_finite(arrival) and bool(arrival.vector.any())):
            return Judgement(False, arrival.vector, {"zeno": math.nan}, own)
        vector = at_length(arrival.vector, float(torch.linalg.vector_norm(own)))
        score = self.gamma * float(own @ vector) - self.rho * float(vector @ vector) + self.gamma * self.epsilon
        return Judgement(score >= 0, vector, {"zeno": score}, own)

    def record(
        self, state: trusted.TrustedState, arrival: Arrival, judgement: Judgement | None, accepted: bool
    ) -> None:
        gradient = None if judgement is None else judgement.memo
        trusted.count_arrival(state, self.refresh, gradient if isinstance(gradient, Tensor) else None)

    def stepped(self, state: trusted.TrustedState, arrival: Arrival, undamped: Callable[[], Tensor]) -> None:
        """Nothing to remember."""
