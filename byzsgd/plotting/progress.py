"""How far training gets: accuracy, loss or suboptimality against updates, virtual time, arrivals or bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from byzsgd.analysis.bands import AXIS_LABEL, COLUMN, Axis, Band, band
from byzsgd.analysis.estimates import named
from byzsgd.analysis.groups import Comparison, Group, NothingToDraw

from .panels import arrange, cross, frame, handle, label_outside, more, name_panel, plain_log
from .style import Look, styled

TITLE = {
    "test_accuracy": "Test accuracy",
    "test_loss": "Test loss",
    "train_loss": "Train loss",
    "suboptimality": "Suboptimality",
    "gradient_norm": "Gradient norm",
    "worst_accuracy": "Test accuracy of the worst node",
    "node_accuracy": "Accuracy of single nodes",
}
# Metrics that are a mean over the honest nodes: those that bound the band around them.
NODES = {"node_accuracy": ("worst_accuracy", "best_accuracy")}
AGAINST = {
    "updates": "updates",
    "time": "virtual time",
    "arrivals": "arrivals",
    "bits": "bits",
    "bits_per_worker": "bits per worker",
}


def progress(comparison: Comparison, *, metric: str = "test_accuracy", x: Axis = "updates") -> Figure:
    """One curve for each group: the median over its seeds, the band around it as `analysis.estimates` has it, or, of
    `node_accuracy`, from the worst to the best honest node, both medians over seeds.

    A cross marks where a run diverged. Losses and suboptimality are drawn on a logarithmic axis where all is positive.
    """
    groups = [group for group in comparison.groups if _has(group, metric)]
    if not groups:
        raise NothingToDraw(f"{metric} needs runs that were evaluated on it; got none")
    groups = [group for group in groups if _has(group, COLUMN[x])]
    if not groups:
        raise NothingToDraw(f"{AGAINST[x]} as an axis needs runs that have recorded them; got none")
    arrangement = arrange(comparison)
    bands = {id(group): _around(group, metric, x) for group in groups}
    around = " · band: from the worst to the best honest node, medians" if metric in NODES else spread(groups)
    with styled():
        title = f"{TITLE.get(metric, metric.replace('_', ' ').capitalize())} against {AGAINST[x]}"
        made = frame(
            title,
            more(comparison.caption() + around, arrangement.left_out),
            count=len(arrangement.panels),
            legend=[handle(text, look) for text, look in arrangement.entries(groups)]
            + [cross()] * any(curve.ends for curve in bands.values()),
            height=2.25 if len(arrangement.panels) == 1 else 1.75,
        )
        for axes, (panel, members) in zip(made.axes.flat, arrangement.panels, strict=False):
            if panel:
                name_panel(made, axes, panel)
            for group in members:
                if id(group) in bands:
                    draw_curve(axes, bands[id(group)], arrangement.look(group))
        first = made.axes[0, 0]
        if metric.endswith("accuracy"):
            first.set_ylim(0, 1.02)
            first.set_yticks(np.linspace(0, 1, 6))
        elif all((curve.middle > 0).all() for curve in bands.values()):
            first.set_yscale("log")
            _log_limits(first, list(bands.values()))
            plain_log(first)
        for axes, (_, members) in zip(made.axes.flat, arrangement.panels, strict=False):
            for group in members:
                if id(group) in bands:
                    draw_ends(axes, bands[id(group)], arrangement.look(group))
        first.set_xlim(left=0 if all(curve.x[0] >= 0 for curve in bands.values()) else None)
        label_outside(made, AXIS_LABEL[x], TITLE.get(metric, metric.replace("_", " ")).lower())
    return made.figure


def _around(group: Group, metric: str, x: Axis) -> Band:
    """The curve of a group with the band around it."""
    curve = band(group, metric, x)
    if metric not in NODES:
        return curve
    low, high = (band(group, bound, x).middle for bound in NODES[metric])
    return replace(curve, low=low, high=high)


def _has(group: Group, metric: str) -> bool:
    return any(metric in run.metrics.columns and run.metrics[metric].is_not_null().any() for run in group.runs)


def spread(groups: Sequence[Group]) -> str:
    """What lines and bands (marks and bars, numbers) are, for the end of a caption; nothing for single runs."""
    name = named([len(group.runs) for group in groups])
    return f" · {name}" if name else ""


def draw_curve(axes: Axes, curve: Band, look: Look) -> None:
    """The line with its band."""
    if (curve.high > curve.low).any():
        axes.fill_between(curve.x, curve.low, curve.high, color=look.colour, alpha=0.16, linewidth=0)
    single = len(curve.x) == 1
    axes.plot(curve.x, curve.middle, color=look.colour, linestyle=look.dash, marker=look.marker if single else None)


def draw_ends(axes: Axes, curve: Band, look: Look) -> None:
    """Where runs ended by diverging; what lies above the panel is marked on its edge."""
    low, high = axes.get_ylim()
    for place, height in curve.ends:
        axes.plot(
            place, min(max(height, low), high), marker="X", markersize=6, color=look.colour, markeredgecolor="white",
            clip_on=False, zorder=5,
        )  # fmt: skip


def _log_limits(axes: Axes, curves: list[Band]) -> None:
    """An overflowing loss must not squeeze all others into a line: six decades above the lowest are enough."""
    low = min(float(curve.middle.min()) for curve in curves)
    high = max(float(curve.middle.max()) for curve in curves)
    start = max(float(curve.middle[0]) for curve in curves)
    axes.set_ylim(low * 0.8, min(high * 1.3, max(start * 1e3, low * 10)))
