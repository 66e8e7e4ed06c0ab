from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from byzsgd.aggregators.server import Server
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Decision, ServerContext, accept


@dataclass
class DCASGDState:
    """The model, and with `adaptive` the mean square of each worker's gradients."""

    context: ServerContext
    mean_squares: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DCASGD(Server[DCASGDState]):
    """Delay-compensated asynchronous SGD: corrects a stale gradient towards the one at the present model.

    direction = g + λ·g⊙g⊙(x − x_l), λ = compensation; with `adaptive`, λ = compensation / √(MS + epsilon) per
    coordinate, MS ← decay·MS + (1 − decay)·g⊙g for every worker, from MS = 0.

    Zheng, Meng, Wang, Chen, Yu, Ma, Liu: Asynchronous stochastic gradient descent with delay compensation, ICML 2017,
    arXiv 1609.08326.
    """

    compensation: float
    adaptive: bool
    decay: float
    epsilon: float

    def __post_init__(self) -> None:
        require(self.compensation >= 0, "dc_asgd", "compensation >= 0", compensation=self.compensation)
        require(0 <= self.decay < 1, "dc_asgd", "0 <= decay < 1", decay=self.decay)
        require(self.epsilon > 0, "dc_asgd", "epsilon > 0", epsilon=self.epsilon)

    def init(self, context: ServerContext) -> DCASGDState:
        return DCASGDState(context)

    def receive(self, state: DCASGDState, arrival: Arrival) -> Decision:
        gradient = arrival.vector
        square = gradient * gradient
        correction = square * (state.context.params - arrival.model)
        if self.adaptive:
            before = state.mean_squares.get(arrival.worker)
            fresh = (1 - self.decay) * square
            mean_square = fresh if before is None else self.decay * before + fresh
            state.mean_squares[arrival.worker] = mean_square
            correction = correction / torch.sqrt(mean_square + self.epsilon)
        direction = gradient + self.compensation * correction if self.compensation else gradient.clone()
        return accept(direction)
