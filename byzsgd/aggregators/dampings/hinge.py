from __future__ import annotations

import math

from byzsgd.aggregators.dampings.declaration import Condition, damping
from byzsgd.interfaces import Arrival
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("hinge", "slope", "knee")
@damping(
    Condition("0 <= slope < inf", lambda slope: 0 <= slope < math.inf),
    Condition("0 <= knee < inf", lambda knee: 0 <= knee < math.inf),
)
def hinge(_: None, arrival: Arrival, *, slope: float, knee: float) -> float:
    """Hinge damping: Λ(τ) = 1 if τ ≤ knee, else 1 / (slope·(τ − knee) + 1).

    FedAsync: Xie, Koyejo, Gupta: Asynchronous federated optimization, OPT 2020, arXiv 1903.03934.
    """
    late = arrival.staleness - knee
    return 1.0 if late <= 0 else 1.0 / (slope * late + 1.0)
