from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Job, Message
from byzsgd.workers.one_gradient import OneGradient


@dataclass(frozen=True, kw_only=True)
class Clipped(OneGradient):
    """Sends its gradient scaled down to a norm of at most `radius`: g·min(1, radius/‖g‖).

    Pascanu, Mikolov, Bengio: On the difficulty of training recurrent neural networks, ICML 2013, arXiv 1211.5063.
    """

    radius: float

    def __post_init__(self) -> None:
        require(self.radius > 0, "clipped", "radius > 0", radius=self.radius)

    def message(self, state: None, job: Job, results: Tensor) -> tuple[Message, None]:
        norm = float(torch.linalg.vector_norm(results[0]))
        vector = results[0] if norm <= self.radius else results[0] * (self.radius / norm)
        return Message.uncompressed(vector), None
