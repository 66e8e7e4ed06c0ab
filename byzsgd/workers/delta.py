from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import BatchKey, Gradients, Job, Message, Sampling, WorkerContext


@dataclass
class DeltaState:
    """The gradient behind the last delivered message."""

    gradient: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Delta:
    """Sends how its gradient has changed since its last delivery: g_new − g_old, from g_old = 0.

    For servers that keep only a running mean: aggregator=mifa aggregator.deltas=true.

    FedLaAvg: Yan, Niu, Ding, Zheng, Wu, Chen, Tang, Wu: Distributed non-convex optimization with sublinear speedup
    under intermittent client availability, 2020, arXiv 2002.07399.
    """

    sends: ClassVar[str] = "deltas"
    sampling: Sampling

    def init(self, context: WorkerContext) -> DeltaState:
        return DeltaState()

    def plan(self, state: DeltaState, job: Job) -> Gradients:
        return Gradients(((job.read_at, BatchKey(job.worker, job.serial)),))

    def keeps(self, state: DeltaState) -> tuple[int, ...]:
        return ()

    def message(self, state: DeltaState, job: Job, results: Tensor) -> tuple[Message, DeltaState]:
        gradient = results[0]
        vector = gradient if state.gradient is None else gradient - state.gradient
        return Message.uncompressed(vector), DeltaState(gradient)
