from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import BatchKey, Gradients, Job, Message, Sampling, WorkerContext


@dataclass
class StormState:
    """The corrected momentum, the version it was computed on, and how many messages were delivered."""

    momentum: Tensor | None = None
    version: int = 0
    delivered: int = 0


@dataclass(frozen=True, kw_only=True)
class Storm:
    """Sends a corrected momentum: d ← g + (1 − β)(d − g̃), g̃ the gradient of the same batch at the previous query point.

    `beta=null` takes β = 1/s with s the number of the worker's deliveries, this one included (the theory of μ²-SGD).

    Cutkosky, Orabona: Momentum-based variance reduction in non-convex SGD, NeurIPS 2019, arXiv 1905.10018; as μ²-SGD in
    Dahan, Levy, NeurIPS 2024, arXiv 2501.09621.
    """

    sends: ClassVar[str] = "vectors"
    sampling: Sampling
    beta: float | None

    def __post_init__(self) -> None:
        require(self.beta is None or 0 <= self.beta <= 1, "storm", "0 <= beta <= 1, or null", beta=self.beta)

    def init(self, context: WorkerContext) -> StormState:
        return StormState()

    def plan(self, state: StormState, job: Job) -> Gradients:
        key = BatchKey(job.worker, job.serial)
        if state.momentum is None:
            return Gradients(((job.read_at, key),))
        return Gradients(((job.read_at, key), (state.version, key)))

    def keeps(self, state: StormState) -> tuple[int, ...]:
        return () if state.momentum is None else (state.version,)

    def message(self, state: StormState, job: Job, results: Tensor) -> tuple[Message, StormState]:
        vector = results[0]
        if state.momentum is not None:
            beta = 1.0 / (state.delivered + 1) if self.beta is None else self.beta
            vector = vector + (1 - beta) * (state.momentum - results[1])
        return Message.uncompressed(vector), StormState(vector, job.read_at, state.delivered + 1)
