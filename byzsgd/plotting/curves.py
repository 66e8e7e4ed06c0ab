"""How far training gets: accuracy, loss or suboptimality against updates, virtual time, arrivals or bits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from byzsgd.analysis.curves import AXES, AXIS_LABEL, COLUMN, Axis, Band, band
from byzsgd.analysis.estimates import named
from byzsgd.analysis.groups import Comparison, Group, Recorded
from byzsgd.plotting.declaration import Need, figure
from byzsgd.plotting.panels import arrange, cross, frame_of, inside, label_outside, plain_log
from byzsgd.plotting.style import Look, styled

TITLE = {
    "test_accuracy": "Test accuracy",
    "test_loss": "Test loss",
    "train_loss": "Train loss",
    "suboptimality": "Suboptimality",
    "gradient_norm": "Gradient norm",
    "worst_accuracy": "Test accuracy of the worst node",
    "node_accuracy": "Accuracy of single nodes",
}
SHARES = ("test_accuracy", "worst_accuracy", "node_accuracy")
# Metrics that are a mean over the honest nodes: those that bound the band around them.
NODES = {"node_accuracy": ("worst_accuracy", "best_accuracy")}
AGAINST = {
    "updates": "updates",
    "time": "virtual time",
    "arrivals": "delivered vectors",
    "bits": "bits",
    "bits_per_worker": "bits per worker",
}


def groups_with(comparison: Comparison, metric: str = "test_accuracy") -> list[Group]:
    """The groups that have a curve of this metric: evaluations of it, and no run with nothing but NaN."""
    values_of = {id(run): _values(run, metric) for run in comparison.runs}
    return [
        group for group in comparison.groups
        if any(len(values_of[id(run)]) for run in group.runs)
        and all(values.is_finite().any() for run in group.runs if len(values := values_of[id(run)]))
    ]  # fmt: skip


def _values(run: Recorded, metric: str) -> pl.Series:
    """The evaluations of a metric, empty where there are none."""
    values = run.metrics[metric] if metric in run.metrics.columns else pl.Series([], dtype=pl.Float64)
    return values.cast(pl.Float64).drop_nulls()


def _has_metric(comparison: Comparison, metric: str = "test_accuracy") -> bool:
    return bool(groups_with(comparison, metric))


def _has_axis(comparison: Comparison, metric: str = "test_accuracy", x: Axis = "arrivals") -> bool:
    return any(COLUMN[x] in run.metrics.columns for group in groups_with(comparison, metric) for run in group.runs)


@figure(
    Need("runs that were evaluated on it", _has_metric),
    Need("runs that have recorded its x axis", _has_axis, lambda comparison, x: f"x={x}"),
    axes=AXES,
)
def progress(comparison: Comparison, *, metric: str = "test_accuracy", x: Axis = "arrivals") -> Figure:
    """One curve for each group: the median over its seeds, the band around it as `analysis.estimates` has it, or, of
    `node_accuracy`, from the worst to the best honest node, both medians over seeds.

    A cross marks where a run diverged, beside the axes where it belongs beyond them. Losses and suboptimality are drawn
    on a logarithmic axis where all is positive; a band ends where that axis does.
    """
    groups = [
        group
        for group in groups_with(comparison, metric)
        if any(COLUMN[x] in run.metrics.columns for run in group.runs)
    ]
    arrangement = arrange(comparison)
    bands = {id(group): _around(group, metric, x) for group in groups}
    around = "band: from the worst to the best honest node, medians" if metric in NODES else spread(groups)
    with styled():
        title = f"{TITLE.get(metric, metric.replace('_', ' ').capitalize())} against {AGAINST[x]}"
        crosses = [cross()] * any(curve.ends for curve in bands.values())
        layout = frame_of(comparison, arrangement, title, [around], groups, crosses)
        first = layout.axes[0, 0]
        logarithmic = metric not in SHARES and all((curve.middle > 0).all() for curve in bands.values())
        floor = -math.inf
        if logarithmic:
            first.set_yscale("log")
            floor, top = _log_limits(list(bands.values()))
        lines = [
            (axes, bands[id(group)], arrangement.look(group))
            for axes, members in layout.panels(arrangement.panels)
            for group in members
            if id(group) in bands
        ]
        for axes, curve, look in lines:
            draw_curve(axes, curve, look, floor)
        if metric in SHARES:
            show_shares(first)
        elif logarithmic:
            first.set_ylim(floor, top)
            plain_log(first.yaxis)
        first.set_xlim(left=0 if all(curve.x[0] >= 0 for curve in bands.values()) else None)
        for axes, curve, look in lines:
            draw_ends(axes, curve, look)
        label_outside(layout, AXIS_LABEL[x], TITLE.get(metric, metric.replace("_", " ")).lower())
    return layout.figure


def _around(group: Group, metric: str, x: Axis) -> Band:
    """The curve of a group with the band around it."""
    curve = band(group, metric, x)
    if metric not in NODES:
        return curve
    low, high = (band(group, bound, x).middle for bound in NODES[metric])
    return replace(curve, low=low, high=high)


def spread(groups: Sequence[Group]) -> str:
    """What lines and bands (marks and bars, numbers) are, for a caption; nothing for single runs."""
    return named([len(group.runs) for group in groups])


def show_shares(axes: Axes) -> None:
    """From 0 to 1, so that what lies at 0 does not lie on the axis."""
    axes.set_ylim(-0.04, 1.02)
    axes.set_yticks(np.linspace(0, 1, 6))


def draw_curve(axes: Axes, curve: Band, look: Look, floor: float = -math.inf) -> None:
    """The line with its band, no lower than the floor."""
    if (curve.high > curve.low).any():
        axes.fill_between(curve.x, np.maximum(curve.low, floor), curve.high, color=look.colour, alpha=0.16, linewidth=0)
    single = len(curve.x) == 1
    axes.plot(curve.x, curve.middle, color=look.colour, linestyle=look.dash, marker=look.marker if single else None)


def draw_ends(axes: Axes, curve: Band, look: Look) -> None:
    """Where runs ended by diverging, once the limits are set; what lies beyond the panel is marked beside its edge."""
    for end in curve.ends:
        x, y = inside(axes, *end)
        axes.plot(
            x, y, marker="X", markersize=6, color=look.colour, markeredgecolor="white", transform=axes.transAxes,
            zorder=5,
        )  # fmt: skip


def _log_limits(curves: list[Band]) -> tuple[float, float]:
    """An overflowing loss must not squeeze all others into a line: three decades above the start are enough, and a
    band that reaches down may take one and a half below the lowest curve."""
    lowest = min(float(curve.middle.min()) for curve in curves)
    lows = np.concatenate([curve.low[curve.low > 0] for curve in curves])
    low = max(lowest / 30, float(lows.min(initial=lowest)))
    high = max(float(curve.high.max()) for curve in curves)
    start = max(float(curve.middle[0]) for curve in curves)
    return low * 0.8, min(high * 1.3, max(start * 1e3, lowest * 10))
