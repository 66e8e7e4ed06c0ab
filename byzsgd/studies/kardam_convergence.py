"""Almost sure convergence of Kardam, as far as a finite run can show it: every single run's gradient norm falls."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.groups import diverged
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import progress

from .finding import Finding, Found, of_runs, told

NORM = "gradient_norm"
START = 0.1  # of the updates, before which no slope is looked for


def findings(found: Found) -> Iterator[Finding]:
    """Of every setting: the slope of the norm over the updates on logarithmic axes, and what is left of the norm."""
    for group in found.comparison.groups:
        name = ", ".join(str(group.values[key]) for key in ("aggregator", "attack") if key in group.values)
        left, slopes = of_runs([group], share_left), of_runs([group], slope)
        claimed = group.values.get("aggregator") != "asgd"  # nobody says it of asgd under attack
        holds = slopes.lost == 0 and slopes.high < 0 if claimed else None
        yield Finding(f"{name}: slope of log norm over log updates, every seed", "< 0" if claimed else "",
                      slopes.text(2), holds, slopes.count)  # fmt: skip
        yield told(f"{name}: gradient norm at the end over that at the start", left)


def share_left(run: Recorded) -> float:
    """The mean of the last tenth of the evaluations over the first; inf: it diverged."""
    norms = _norms(run)["norm"]
    if diverged(run) or len(norms) < 2:
        return math.inf
    return float(norms.tail(max(1, len(norms) // 10)).mean()) / float(norms[0])  # type: ignore[arg-type]


def slope(run: Recorded) -> float:
    """By least squares; inf: it diverged, NaN: too few evaluations."""
    rows = _norms(run)
    if diverged(run):
        return math.inf
    rows = rows.filter(pl.col("step") > START * float(rows["step"].max() or 0))  # type: ignore[arg-type]
    if len(rows) < 3:
        return math.nan
    return float(np.polyfit(np.log(rows["step"].to_numpy()), np.log(rows["norm"].to_numpy()), 1)[0])


def _norms(run: Recorded) -> pl.DataFrame:
    rows = run.metrics.select("step", norm=pl.col(NORM)).drop_nulls()
    return rows.filter(pl.col("norm").is_finite() & (pl.col("norm") > 0))


def figures(found: Found) -> dict[str, Figure]:
    return {"norm": progress(found.comparison, metric=NORM, x="arrivals")}
