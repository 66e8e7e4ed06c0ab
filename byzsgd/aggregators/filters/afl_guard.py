"""AFLGuard's filter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from byzsgd.aggregators.filters import trusted
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Judgement, ServerContext


@dataclass(frozen=True, kw_only=True)
class AFLGuard:
    """Accepts vectors near the trusted gradient v: ‖g − v‖ ≤ radius·‖v‖. Not rescaled.

    v = ∇ on trusted data, refreshed every `refresh` arrivals. Non-finite vectors are refused. Scores `afl_guard`
    (‖g − v‖) and `afl_guard_threshold`.

    Fang, Liu, Gong, Bentley: AFLGuard: Byzantine-robust asynchronous federated learning, ACSAC 2022, arXiv 2212.06325.
    """

    radius: float
    refresh: int
    needs_read_params: ClassVar[bool] = False
    scores: tuple[str, ...] = field(default=("afl_guard", "afl_guard_threshold"), init=False, repr=False)

    def __post_init__(self) -> None:
        require(self.radius >= 0, "afl_guard", "radius >= 0", radius=self.radius)
        require(self.refresh >= 1, "afl_guard", "refresh >= 1", refresh=self.refresh)

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    def init(self, context: ServerContext) -> trusted.TrustedState:
        return trusted.start("afl_guard", context)

    def judge(self, state: trusted.TrustedState, arrival: Arrival) -> Judgement:
        own = trusted.reference(state, self.refresh)
        threshold = self.radius * float(torch.linalg.vector_norm(own))
        distance = float(torch.dist(arrival.vector, own)) if trusted.is_finite(arrival) else math.nan
        scores = {"afl_guard": distance, "afl_guard_threshold": threshold}
        return Judgement(distance <= threshold, arrival.vector, scores, own)

    def record(
        self, state: trusted.TrustedState, arrival: Arrival, judgement: Judgement | None, accepted: bool
    ) -> None:
        gradient = None if judgement is None else judgement.memo
        trusted.count_arrival(state, self.refresh, gradient if isinstance(gradient, Tensor) else None)

    def stepped(self, state: trusted.TrustedState, arrival: Arrival, undamped: Callable[[], Tensor]) -> None:
        """Nothing to remember."""
