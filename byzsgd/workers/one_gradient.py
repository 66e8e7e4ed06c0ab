"""What worker rules of one gradient a job, which remember nothing, have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from byzsgd.interfaces import BatchKey, Gradients, Job, Sampling, WorkerContext


@dataclass(frozen=True, kw_only=True)
class OneGradient:
    """The mean gradient of one batch at the model that the worker read; no State."""

    sends: ClassVar[str] = "vectors"
    sampling: Sampling

    def init(self, context: WorkerContext) -> None:
        return None

    def plan(self, state: None, job: Job) -> Gradients:
        return Gradients(((job.read_at, BatchKey(job.worker, job.serial)),))

    def keeps(self, state: None) -> tuple[int, ...]:
        return ()
