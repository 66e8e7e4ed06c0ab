from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Judgement, ServerContext
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("max_staleness", "limit")
@dataclass(frozen=True, kw_only=True)
class MaxStaleness:
    """Refuses vectors that are more than `limit` updates old; null: none.

    Rennala takes only fresh ones (limit 0), Ringmaster those younger than R (limit R − 1).
    Tyurin, Richtárik: Optimal time complexities of parallel stochastic optimization methods, NeurIPS 2023,
    arXiv 2305.12387; Maranjyan, Tyurin, Richtárik: Ringmaster ASGD, ICML 2025, arXiv 2501.16168.
    """

    limit: int | None
    needs_read_params: ClassVar[bool] = False
    scores: tuple[str, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        require(self.limit is None or self.limit >= 0, "max_staleness", "limit >= 0, or null", limit=self.limit)

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    def init(self, context: ServerContext) -> None:
        return None

    def judge(self, state: None, arrival: Arrival) -> Judgement:
        return Judgement(self.limit is None or arrival.staleness <= self.limit, arrival.vector)

    def record(self, state: None, arrival: Arrival, judgement: Judgement | None, accepted: bool) -> None:
        """Nothing to remember."""

    def stepped(self, state: None, arrival: Arrival, undamped: Callable[[], Tensor]) -> None:
        """Nothing to remember."""
