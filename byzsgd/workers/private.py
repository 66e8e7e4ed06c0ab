from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import BatchKey, ClippedSum, Job, Message, Sampling, WorkerContext


@dataclass(frozen=True, kw_only=True)
class Private:
    """Sends the sum over its batch of per-example gradients that are clipped first: Σ_e g_e·min(1, clip/‖g_e‖).

    One example more or less moves it by at most `clip` in this norm, which is what compressor=dp_sign perturbs.
    `reduce=mean` divides it, and the sensitivity, by the batch size.

    Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang: Deep learning with differential privacy, CCS 2016, arXiv
    1607.00133.
    """

    sends: ClassVar[str] = "vectors"
    sampling: Sampling
    clip: float
    norm: Literal["l2", "l1"]
    reduce: Literal["sum", "mean"]

    def __post_init__(self) -> None:
        require(0 < self.clip < math.inf, "private", "0 < clip < inf", clip=self.clip)
        require(self.reduce == "sum" or self.sampling != "full", "private",
                "reduce=sum where batches are whole blocks, which differ in size", reduce=self.reduce)  # fmt: skip

    def sensitivity(self, batch_size: int | None) -> float:
        """The most that one example can change of what is sent."""
        if self.reduce == "sum":
            return self.clip
        assert batch_size is not None
        return self.clip / batch_size

    def init(self, context: WorkerContext) -> None:
        return None

    def plan(self, state: None, job: Job) -> ClippedSum:
        key = BatchKey(job.worker, job.serial)
        return ClippedSum(job.read_at, key, self.clip, 2 if self.norm == "l2" else 1, self.reduce == "mean")

    def keeps(self, state: None) -> tuple[int, ...]:
        return ()

    def message(self, state: None, job: Job, results: Tensor) -> tuple[Message, None]:
        return Message.uncompressed(results[0]), None
