"""How many bits a run sends until it reaches a level of accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from .curves import COLUMN, Axis, position
from .estimates import Estimate, estimate
from .groups import Group, Recorded
from .outcomes import outcome

SHARE = 0.9  # the level, as a share of the best rival's final accuracy


def needed(run: Recorded, level: float, axis: Axis = "arrivals", metric: str = "test_accuracy") -> float:
    """Arrivals (updates, seconds, bits) until the first evaluation that reaches the level; inf: none does; NaN: the run
    did not record the axis."""
    if metric not in run.metrics.columns:
        return math.inf
    if COLUMN[axis] not in run.metrics.columns:
        return math.nan
    reached = run.metrics.filter(pl.col(metric) >= level).select(position(run, axis)).to_series()
    return math.inf if reached.is_empty() else float(reached[0])


def megabits(group: Group, rivals: Sequence[Group]) -> Estimate:
    """10⁶ bits that the workers of a run send until it reaches 90 % of the best rival's final accuracy (the median over
    seeds). A run that never reaches it counts as lost."""
    finals = [estimate(outcome(run) for run in rival.runs).middle for rival in rivals]
    level = SHARE * max((value for value in finals if math.isfinite(value)), default=math.inf)
    return estimate(needed(run, level, "bits") / 1e6 for run in group.runs)
