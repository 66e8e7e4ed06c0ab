"""The worker rule `gradient`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import BatchKey, Gradients, Job, Message, Sampling, WorkerContext


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """Sends the mean gradient of one batch at the model it read: g = ∇F(x_l; ξ)."""

    sends: ClassVar[str] = "vectors"
    sends_results: ClassVar[bool] = True
    sampling: Sampling

    def init(self, context: WorkerContext) -> None:
        return None

    def plan(self, state: None, job: Job) -> Gradients:
        return Gradients(((job.read_at, BatchKey(job.worker, job.serial)),))

    def keeps(self, state: None) -> tuple[int, ...]:
        return ()

    def message(self, state: None, job: Job, results: Tensor) -> tuple[Message, None]:
        vector = results.squeeze(0)
        return Message.uncompressed(vector), None
