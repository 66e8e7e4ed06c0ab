from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import Job, Message
from byzsgd.interfaces.compiled import compiled_as
from byzsgd.workers.one_gradient import OneGradient


@compiled_as("gradient")
@dataclass(frozen=True, kw_only=True)
class Gradient(OneGradient):
    """Sends the mean gradient of one batch at the model it read: g = ∇F(x_l; ξ)."""

    sends_results: ClassVar[bool] = True

    def message(self, state: None, job: Job, results: Tensor) -> tuple[Message, None]:
        vector = results.squeeze(0)
        return Message.uncompressed(vector), None
