"""The worker rule `clipped`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import BatchKey, Gradients, Job, Message, Sampling, WorkerContext


@dataclass(frozen=True, kw_only=True)
class Clipped:
    """Sends its gradient scaled down to a norm of at most `radius`: g·min(1, radius/‖g‖).

    Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, ICML 2013, arXiv 1211.5063.
    """

    sends: ClassVar[str] = "vectors"
    sampling: Sampling
    radius: float

    def __post_init__(self) -> None:
        require(self.radius > 0, "clipped", "radius > 0", radius=self.radius)

    def init(self, context: WorkerContext) -> None:
        return None

    def plan(self, state: None, job: Job) -> Gradients:
        return Gradients(((job.read_at, BatchKey(job.worker, job.serial)),))

    def keeps(self, state: None) -> tuple[int, ...]:
        return ()

    def message(self, state: None, job: Job, results: Tensor) -> tuple[Message, None]:
        norm = float(torch.linalg.vector_norm(results[0]))
        vector = results[0] if norm <= self.radius else results[0] * (self.radius / norm)
        return Message.uncompressed(vector), None
