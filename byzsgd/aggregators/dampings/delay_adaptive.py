from __future__ import annotations

import math

from byzsgd.aggregators.dampings.declaration import Condition, damping
from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("delay_adaptive", "concurrency")
@damping(Condition("0 < concurrency < inf", lambda concurrency: 0 < concurrency < math.inf))
def delay_adaptive(_: None, arrival: Arrival, *, concurrency: float) -> float:
    """Delay-adaptive damping: Λ(τ) = M / max(M, τ), with M = concurrency.

    Mishchenko, Bach, Even, Woodworth: Asynchronous SGD beats minibatch SGD under arbitrary delays, NeurIPS 2022,
    arXiv 2206.07638.
    """
    return concurrency / max(concurrency, arrival.staleness)
