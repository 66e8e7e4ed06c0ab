from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.compressors.levels import largest_size
from byzsgd.compressors.lossy import Lossy
from byzsgd.compressors.uniform import quantised, restored
from byzsgd.interfaces import FLOAT_BITS, Sending, Wire, WorkerContext

HEADER = 8  # bits for the number of bits of a coordinate


@dataclass
class DynamicState:
    """The loss at the sender's first message; None: there was no message yet, or the schedule needs no loss."""

    loss: float | None = None


@dataclass(frozen=True, kw_only=True)
class Dynamic(Lossy):
    """Stochastic rounding as in `uniform`, with a number of bits that changes from message to message.

    B_t = ⌈log2(s_t + 1)⌉ + 1, clipped to [bits_min, bits_max].

    schedule=norm (DQ-SGD): s_t = k·α^((T−1−t)/2)·‖g_t‖∞ with α = `decay`, T = `horizon` (updates) and t the version
    that was read (t ≥ T: exponent 0). k = `scale`; or k is solved so that the mean of log2(s_t + 1) + 1 is `budget`,
    with the norms of a run without compression. schedule=loss (AdaQuantFL): s_t = ⌈s₀·√(F₀/F_t)⌉ with s₀ = `scale` and
    F the train loss of the version that was read. schedule=fixed: B_t = `budget`.

    Bits: 40 + d·B_t. ‖g_t‖ = 0 sends zeros at bits_min.

    Yan, Li, Xiao, Hou, Song: DQ-SGD: dynamic quantization in SGD for communication-efficient distributed learning,
    2021, arXiv 2107.14575; Jhunjhunwala, Gadhikar, Joshi, Eldar: Adaptive quantization of model updates for
    communication-efficient federated learning, ICASSP 2021, arXiv 2102.04487.
    Differs: the half step of the printed exponent (T − t)/2 is absorbed in k.
    """

    random: ClassVar[bool] = True
    schedule: Literal["norm", "loss", "fixed"] = "norm"
    decay: float | None = None
    scale: float | None = None
    budget: float | None = None
    horizon: int | None = None
    bits_min: int = 2
    bits_max: int = 32

    def __post_init__(self) -> None:
        who, scale, budget = f"dynamic with schedule={self.schedule}", self.scale, self.budget
        least, most = self.bits_min, self.bits_max
        require(2 <= least <= most <= 32, who, "2 <= bits_min <= bits_max <= 32", bits_min=least, bits_max=most)
        require(scale is None or 0 < scale < math.inf, who, "0 < scale < inf", scale=scale)
        if self.schedule == "norm":
            require((scale is None) != (budget is None), who, "either scale or budget (the other null)", scale=scale,
                    budget=budget)  # fmt: skip
            require(self.decay is not None and 0 < self.decay < 1, who, "0 < decay < 1", decay=self.decay)
            require(self.horizon is not None and self.horizon >= 1, who, "horizon >= 1, or budget.updates",
                    horizon=self.horizon)  # fmt: skip
            require(budget is None or budget > 1, who, "budget > 1, the sign included", budget=budget)
        elif self.schedule == "loss":
            require(scale is not None and budget is None, who, "scale, and no budget", scale=scale, budget=budget)
        else:
            whole = budget is not None and least <= budget <= most and budget == int(budget)
            require(whole and scale is None, who, "a whole budget from bits_min to bits_max, and no scale",
                    budget=budget, scale=scale)  # fmt: skip

    @property
    def needs_loss(self) -> bool:
        return self.schedule == "loss"

    @property
    def fixed_length(self) -> bool:
        return self.schedule == "fixed"

    def init(self, context: WorkerContext) -> DynamicState:
        return DynamicState()

    def encode(
        self, state: DynamicState, vector: Tensor, uniforms: Tensor | None, sending: Sending
    ) -> tuple[Wire, DynamicState]:
        assert uniforms is not None
        first = state.loss
        if self.schedule == "loss" and first is None:
            first = sending.loss
        bits = self.bits(float(largest_size(vector)), sending.read_at, first, sending.loss)
        return quantised(vector, uniforms, bits, HEADER), DynamicState(first)

    def decode(self, wire: Wire) -> Tensor:
        return restored(wire, (wire.bits - FLOAT_BITS - HEADER) // wire.num_parameters)

    def nominal_bits(self, num_parameters: int) -> int:
        require(self.fixed_length, "dynamic", "schedule=fixed where the length of a message must be known",
                schedule=self.schedule)  # fmt: skip
        assert self.budget is not None
        return FLOAT_BITS + HEADER + int(self.budget) * num_parameters

    def bits(self, norm: float, step: int, first: float | None = None, loss: float | None = None) -> int:
        """B_t of a vector with ‖g‖∞ = `norm`, computed at version `step`. `first`, `loss`: F₀ and F_t of
        schedule=loss."""
        if self.schedule == "fixed":
            assert self.budget is not None
            return int(self.budget)
        levels = self.levels(norm, step) if self.schedule == "norm" else self._by_loss(first, loss)
        if not levels < 2.0**self.bits_max:
            return self.bits_max
        return min(max(math.ceil(math.log2(levels + 1)) + 1, self.bits_min), self.bits_max)

    def levels(self, norm: float, step: int) -> float:
        """s_t of schedule=norm."""
        assert self.decay is not None
        require(self.scale is not None, "dynamic", "scale; a budget is solved by a pilot run first", budget=self.budget)
        assert self.scale is not None and self.horizon is not None
        return float(self.scale * self.decay ** (max(self.horizon - 1 - step, 0) / 2) * norm)

    def _by_loss(self, first: float | None, loss: float | None) -> float:
        require(
            first is not None and loss is not None, "dynamic with schedule=loss", "the loss of the model", loss=loss
        )
        assert first is not None and loss is not None and self.scale is not None
        require(first >= 0 and loss >= 0, "dynamic with schedule=loss", "a loss >= 0", first=first, loss=loss)
        return math.inf if loss == 0 else float(math.ceil(self.scale * math.sqrt(first / loss)))


def solved_scale(norms: Tensor, decay: float, horizon: int, budget: float) -> float:
    """The k at which the mean of log2(s_t + 1) + 1 is the budget, with s_t = k·α^((T−1−t)/2)·norms[t]. An update
    without a norm has NaN."""
    steps = torch.arange(len(norms), dtype=torch.float64)
    weights = decay ** ((horizon - 1 - steps).clamp_min(0) / 2) * norms.double()
    weights = weights[weights > 0]
    require(len(weights) > 0, "dynamic", "a pilot run with gradients that are not 0", norms=0)

    def mean_bits(log_scale: float) -> float:
        return float(torch.log2(math.exp(log_scale) * weights + 1).mean()) + 1

    low, high = -700.0, 700.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_bits(middle) < budget else (low, middle)
    return math.exp((low + high) / 2)
