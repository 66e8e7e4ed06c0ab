from __future__ import annotations

import math

from byzsgd.aggregators.dampings.declaration import Condition, damping
from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("ada_delay", "rate")
@damping(Condition("0 <= rate < inf", lambda rate: 0 <= rate < math.inf))
def ada_delay(_: None, arrival: Arrival, *, rate: float) -> float:
    """AdaDelay's damping: Λ = 1 / (1 + rate·√(step + τ)), the one that also decays with the step and has Λ(0) ≠ 1.

    Sra, Yu, Li, Smola: AdaDelay: delay adaptive distributed stochastic optimization, AISTATS 2016, arXiv 1508.05003.
    Differs: the paper's step is 1/(L + c·√(step + τ)) with L the smoothness; here lr stands for 1/L, rate for c/L.
    """
    return 1.0 / (1.0 + rate * math.sqrt(arrival.step + arrival.staleness))
