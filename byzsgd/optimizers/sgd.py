from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces.compiled import compiled_as


@dataclass
class SGDState:
    """The momentum buffer, where there is one."""

    momentum: Tensor | None = None


@compiled_as("sgd", "momentum", "nesterov", "weight_decay", "schedule")
@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent on the flat model, with momentum, Nesterov's variant and weight decay.

    g ← direction + weight_decay·x;  m ← momentum·m + g (first step: m = g);
    x ← x − lr(step)·(g + momentum·m if nesterov else m). The same bits as torch.optim.SGD.
    """

    lr: float
    momentum: float
    nesterov: bool
    weight_decay: float
    schedule: Callable[[float, int], float]

    def __post_init__(self) -> None:
        require(0 <= self.lr < math.inf, "sgd", "0 <= lr < inf", lr=self.lr)
        require(0 <= self.momentum < 1, "sgd", "0 <= momentum < 1", momentum=self.momentum)
        require(0 <= self.weight_decay < math.inf, "sgd", "0 <= weight_decay < inf", weight_decay=self.weight_decay)
        require(not self.nesterov or self.momentum > 0, "sgd", "momentum > 0 for nesterov", momentum=self.momentum)
        self.schedule(self.lr, 0)  # its settings are checked before any work

    def init(self, params: Tensor) -> SGDState:
        return SGDState()

    def apply(self, state: SGDState, params: Tensor, direction: Tensor, step: int) -> None:
        gradient = direction.add(params, alpha=self.weight_decay) if self.weight_decay else direction
        if self.momentum:
            old = state.momentum
            state.momentum = gradient.clone() if old is None else old.mul(self.momentum).add_(gradient)
            gradient = gradient.add(state.momentum, alpha=self.momentum) if self.nesterov else state.momentum
        params.sub_(gradient, alpha=self.schedule(self.lr, step))
