"""The price of a level of accuracy on volatile instances."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.estimates import estimate
from byzsgd.analysis.paired import pairs
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import cost

from .finding import Finding, Results, at_most, of_runs, unclaimed

TARGET = 0.9  # test accuracy
AVAILABILITY = "delay/availability"


def findings(results: Results) -> Iterator[Finding]:
    """Money and time to the target, divided by those of instances on demand, paired by seed."""
    (base,) = results.groups({AVAILABILITY: "on_demand"})
    for group in results.comparison.groups:
        name = str(group.values[AVAILABILITY])
        price = of_runs([group], lambda run: at_target(run, "cost"))
        yield unclaimed(f"{name}: price of accuracy {TARGET}", price, digits=0)
        if group is not base:
            for what, column in (("price", "cost"), ("time", "time")):
                both = pairs(group, base)
                ratio = estimate(at_target(run, column) / at_target(other, column) for run, other in both)
                title = f"{name}: {what} of accuracy {TARGET} over that on demand"
                yield at_most(title, 1.0, ratio) if column == "cost" else unclaimed(title, ratio, digits=2)


def at_target(run: Recorded, column: str) -> float:
    """The value of a column at the first evaluation with the target accuracy; inf: the run did not reach it."""
    rows = run.metrics.filter(pl.col("test_accuracy") >= TARGET)
    return float(rows[column][0]) if len(rows) else math.inf


def figures(results: Results) -> dict[str, Figure]:
    return {"cost": cost(results.comparison)}
