from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import BatchKey, Gradients, Job, Message, Sampling, WorkerContext
from byzsgd.interfaces.compiled import compiled_as


@dataclass
class MomentumState:
    """The worker's momentum."""

    momentum: Tensor | None = None


@compiled_as("momentum", "momentum")
@dataclass(frozen=True, kw_only=True)
class Momentum:
    """Sends its momentum: u ← μ·u + (1 − μ)·g from u = 0, before any attack.

    Karimireddy, He, Jaggi: Learning from history for Byzantine robust optimization, ICML 2021, arXiv 2012.10333;
    El Mhamdi, Guerraoui, Rouault: Distributed momentum for Byzantine-resilient learning, ICLR 2021, arXiv 2003.00010.
    """

    sends: ClassVar[str] = "vectors"
    sampling: Sampling
    momentum: float

    def __post_init__(self) -> None:
        require(0 <= self.momentum < 1, "momentum", "0 <= momentum < 1", momentum=self.momentum)

    def init(self, context: WorkerContext) -> MomentumState:
        return MomentumState()

    def plan(self, state: MomentumState, job: Job) -> Gradients:
        return Gradients(((job.read_at, BatchKey(job.worker, job.serial)),))

    def keeps(self, state: MomentumState) -> tuple[int, ...]:
        return ()

    def message(self, state: MomentumState, job: Job, results: Tensor) -> tuple[Message, MomentumState]:
        fresh = (1 - self.momentum) * results[0]
        vector = fresh if state.momentum is None else self.momentum * state.momentum + fresh
        return Message.uncompressed(vector), MomentumState(vector)
