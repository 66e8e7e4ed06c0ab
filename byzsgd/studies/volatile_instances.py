"""What accuracy costs on instances that come and go."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.estimates import estimate
from byzsgd.analysis.paired import pairs
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import cost

from .finding import Finding, Found, at_most, of_runs, told

TARGET = 0.9  # test accuracy
AVAILABILITY = "delay/availability"


def findings(found: Found) -> Iterator[Finding]:
    """Money and time to the target, over those of instances on demand, paired by seed."""
    (base,) = found.groups({AVAILABILITY: "on_demand"})
    for group in found.comparison.groups:
        name = str(group.values[AVAILABILITY])
        price = of_runs([group], lambda run: at_target(run, "cost"))
        yield told(f"{name}: price of accuracy {TARGET}", price, digits=0)
        if group is not base:
            for what, column in (("price", "cost"), ("time", "time")):
                both = pairs(group, base)
                ratio = estimate(at_target(run, column) / at_target(other, column) for run, other in both)
                title = f"{name}: {what} of accuracy {TARGET} over that on demand"
                yield at_most(title, 1.0, ratio) if column == "cost" else told(title, ratio, digits=2)


def at_target(run: Recorded, column: str) -> float:
    """What was spent at the first evaluation with the target accuracy; inf: it was not reached."""
    rows = run.metrics.filter(pl.col("test_accuracy") >= TARGET)
    return float(rows[column][0]) if len(rows) else math.inf


def figures(found: Found) -> dict[str, Figure]:
    return {"cost": cost(found.comparison)}
