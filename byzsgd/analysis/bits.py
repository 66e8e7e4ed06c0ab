"""How many bits a run sends until it is good enough."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from .curves import COLUMN, Axis, place
from .estimates import Estimate, estimate
from .groups import Group, Recorded
from .outcomes import outcome

SHARE = 0.9  # of the best rival's final accuracy: the level to be reached


def needed(run: Recorded, level: float, axis: Axis = "arrivals", metric: str = "test_accuracy") -> float:
    """Arrivals (updates, seconds, bits) until the first evaluation that reaches the level; inf when none does, NaN
    where the run does not know its bits."""
    if metric not in run.metrics.columns:
        return math.inf
    if COLUMN[axis] not in run.metrics.columns:
        return math.nan
    reached = run.metrics.filter(pl.col(metric) >= level).select(place(run, axis)).to_series()
    return math.inf if reached.is_empty() else float(reached[0])


def megabits(group: Group, rivals: Sequence[Group]) -> Estimate:
    """10⁶ bits that the workers of a run send until 90 % of the best rival's final accuracy (the median over its
    seeds); a run that never gets there is lost."""
    finals = [estimate(outcome(run) for run in rival.runs).middle for rival in rivals]
    level = SHARE * max((value for value in finals if math.isfinite(value)), default=math.inf)
    return estimate(needed(run, level, "bits") / 1e6 for run in group.runs)
