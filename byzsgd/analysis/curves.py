"""Several seeds as one curve with its spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl

from .estimates import summary
from .groups import Group, NothingToDraw, Recorded, diverged
from .outcomes import worst

Axis = Literal["updates", "time", "arrivals", "bits", "bits_per_worker"]
AXES: tuple[Axis, ...] = get_args(Axis)
COLUMN = {
    "updates": "step",
    "time": "time",
    "arrivals": "arrivals",
    "bits": "bits_up",
    "bits_per_worker": "bits_up",
}
AXIS_LABEL = {
    "updates": "server updates",
    "time": "virtual time (s)",
    "arrivals": "delivered vectors",
    "bits": "bits sent by all workers",
    "bits_per_worker": "bits sent per worker",
}
POINTS = 240  # at most, of a curve whose seeds were evaluated at different x


@dataclass(frozen=True)
class Band:
    """A curve over x with its spread; with one seed low = high = middle."""

    x: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    ends: tuple[tuple[float, float], ...]  # (x, y) of the last finite evaluation of each diverged run


def band(group: Group, metric: str, axis: Axis) -> Band:
    """The curve of a metric over the seeds of a group, up to the last x of the shortest seed.

    From its divergence on, a diverged run counts as worse than all others and is no part of the spread. Once half of
    the runs have diverged, an accuracy is drawn at 0, and the curve of any other metric ends. A stalled run keeps its
    last model. NothingToDraw where no run has the metric, or all of them diverge at once.
    """
    curves_of_runs = [(curve, run) for run in group.runs if (curve := _curve(run, metric, axis)) is not None]
    if not curves_of_runs or not all(np.isfinite(y).any() for (_, y), _ in curves_of_runs):
        raise NothingToDraw(f"a curve of {metric} needs evaluations that have it; got none in {group.runs[0].folder}")
    lost = [diverged(run) for _, run in curves_of_runs]
    stays = [gone or run.info.get("status") == "stalled" for (_, run), gone in zip(curves_of_runs, lost, strict=True)]
    curves = [(x[np.isfinite(y)], y[np.isfinite(y)]) for (x, y), _ in curves_of_runs]
    ended = [float(x[-1]) for (x, _), _ in curves_of_runs]
    ends = tuple((float(x[-1]), float(y[-1])) for (x, y), gone in zip(curves, lost, strict=True) if gone)
    going = [x[-1] for (x, _), stay in zip(curves, stays, strict=True) if not stay]
    grid = _grid([x for x, _ in curves], float(min(going) if going else max(ended)))
    values = np.stack([np.interp(grid, x, y) for x, y in curves])
    for row, gone, end in zip(values, lost, ended, strict=True):
        if gone:
            row[grid >= end] = worst(metric)
    middle, low, high = summary(values)
    if metric.endswith("accuracy"):
        middle = np.where(np.isinf(middle), 0.0, middle)
    drawn = np.isfinite(middle)
    if not drawn.any():
        raise NothingToDraw(f"a curve of {metric} needs a run that did not diverge at once; got none")
    grid, middle, low, high = grid[drawn], middle[drawn], low[drawn], high[drawn]
    # If the median run has diverged, the others have no middle around which they could spread.
    outside = ~((low <= middle) & (middle <= high))
    return Band(grid, middle, np.where(outside, middle, low), np.where(outside, middle, high), ends)


def _grid(curves: Sequence[np.ndarray], horizon: float) -> np.ndarray:
    """The x at which all seeds are compared: those of their evaluations, or POINTS equidistant ones if those differ and
    are more."""
    first = max(float(x[0]) for x in curves)
    grid = np.unique(np.concatenate(curves))
    grid = grid[(grid >= first) & (grid <= horizon)]
    if len(grid) > POINTS and any(len(x) != len(grid) for x in curves):
        grid = np.linspace(first, horizon, POINTS)
    return grid if len(grid) else np.array([first])


def position(run: Recorded, axis: Axis) -> pl.Expr:
    """The x of the evaluations of a run on an axis."""
    shares = int(run.config.get("num_workers") or 1) if axis == "bits_per_worker" else 1
    return pl.col(COLUMN[axis]).cast(pl.Float64) / shares


def _curve(run: Recorded, metric: str, axis: Axis) -> tuple[np.ndarray, np.ndarray] | None:
    """x and y of one run, in the order of x, with the last evaluation of each x. None: it has no such rows."""
    if not {metric, COLUMN[axis]} <= set(run.metrics.columns):
        return None
    rows = run.metrics.select(x=position(run, axis), y=pl.col(metric).cast(pl.Float64))
    rows = rows.filter(pl.col("x").is_finite() & pl.col("y").is_not_null())
    rows = rows.unique("x", keep="last", maintain_order=True).sort("x")
    if rows.is_empty():
        return None
    return rows["x"].to_numpy(), rows["y"].to_numpy()
