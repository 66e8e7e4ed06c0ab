from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import BatchKey, Job, LocalSteps, Message, Sampling, WorkerContext


@dataclass(frozen=True, kw_only=True)
class LocalSGD:
    """Runs k steps of SGD from the model it read and sends the difference, x_start − x_end.

    Divided by steps·lr with `normalised`, so that it has the size of a gradient.

    McMahan, Moore, Ramage, Hampson, Agüera y Arcas: Communication-efficient learning of deep networks from
    decentralized data, AISTATS 2017, arXiv 1602.05629.
    """

    sends: ClassVar[str] = "vectors"
    sampling: Sampling
    steps: int
    lr: float
    normalised: bool

    def __post_init__(self) -> None:
        require(self.steps >= 1, "local_steps", "steps >= 1", steps=self.steps)
        require(0 < self.lr < math.inf, "local_steps", "0 < lr < inf", lr=self.lr)

    def init(self, context: WorkerContext) -> None:
        return None

    def plan(self, state: None, job: Job) -> LocalSteps:
        first = job.serial * self.steps
        keys = tuple(BatchKey(job.worker, first + step) for step in range(self.steps))
        return LocalSteps(job.read_at, keys, self.lr)

    def keeps(self, state: None) -> tuple[int, ...]:
        return ()

    def message(self, state: None, job: Job, results: Tensor) -> tuple[Message, None]:
        vector = results[0] / (self.steps * self.lr) if self.normalised else results[0]
        return Message.uncompressed(vector), None
