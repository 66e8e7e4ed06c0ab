"""Why a filter accepted or refused: what it measured on each vector against its threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.groups import Comparison, NothingToDraw, Recorded

from .panels import frame, label_outside, more, name_panel, plain_log
from .style import BYZANTINE, HONEST, INK, styled

MOST_PANELS = 12
THRESHOLD = "_threshold"


def measured(run: Recorded) -> list[str]:
    """Scores that come with a threshold: `lipschitz` beside `lipschitz_threshold`."""
    names = run.arrivals.columns
    return [
        name.removesuffix(THRESHOLD)
        for name in names
        if name.endswith(THRESHOLD)
        and name.removesuffix(THRESHOLD) in names
        and run.arrivals[name.removesuffix(THRESHOLD)].is_not_null().any()
    ]


def coefficients(comparison: Comparison, *, score: str | None = None) -> Figure:
    """One dot for each vector judged, in the first run of each setting: honest or Byzantine by colour and shape, filled
    when accepted; the line is the threshold at that moment. What cannot be drawn (infinite, not a number, zero on a
    logarithmic axis) sits on the edge."""
    shown = []
    for group in comparison.groups:
        names = measured(group.runs[0])
        if names and (score is None or score in names):
            shown.append((group.label(comparison.keys) if comparison.keys else "", group.runs[0], score or names[0]))
    if not shown:
        raise NothingToDraw(f"coefficients need a filter that measures {score or 'against a threshold'}; got none")
    left_out = len(shown) - MOST_PANELS
    shown = shown[:MOST_PANELS]
    with styled():
        dot: dict[str, Any] = {"linestyle": "none", "markersize": 4}
        legend = [
            Line2D([], [], marker="o", color=HONEST, label="honest", **dot),
            Line2D([], [], marker="^", color=BYZANTINE, label="Byzantine", **dot),
            Line2D([], [], marker="o", color=INK, markerfacecolor="none", label="refused", **dot),
            Line2D([], [], color=INK, linewidth=1.1, label="threshold"),
        ]
        what = " and ".join(sorted({name for _, _, name in shown})).replace("_", " ").capitalize()
        seed = shown[0][1].config.get("seed")
        caption = comparison.caption() + ("" if seed is None else f" · drawn: seed {seed}")
        made = frame(
            f"{what} coefficient against the threshold",
            more(caption, max(0, left_out)),
            count=len(shown),
            legend=legend,
            height=2.4 if len(shown) == 1 else 1.8,
        )
        for axes, (title, run, name) in zip(made.axes.flat, shown, strict=False):
            if title:
                name_panel(made, axes, title)
            _draw(axes, run, name)
        made.axes[0, 0].set_yscale("log")
        made.axes[0, 0].set_ylim(*_limits([(run, name) for _, run, name in shown]))
        plain_log(made.axes[0, 0])
        made.axes[0, 0].set_xlim(left=0)
        label_outside(made, "delivered vectors", "coefficient")
    return made.figure


def _limits(shown: list[tuple[Recorded, str]]) -> tuple[float, float]:
    """The bulk of what is positive and finite; a few wild values must not squeeze it."""
    lows, highs = [], []
    for run, name in shown:
        values = pl.concat([run.arrivals[name], run.arrivals[name + THRESHOLD]]).drop_nulls().to_numpy()
        values = values[np.isfinite(values) & (values > 0)]
        if len(values):
            lows.append(float(np.quantile(values, 0.002)))
            highs.append(float(np.quantile(values, 0.998)))
    if not lows:
        return 0.1, 10.0
    return min(lows) / 1.6, max(highs) * 1.6


def _draw(axes: Axes, run: Recorded, name: str) -> None:
    rows = run.arrivals.filter(pl.col(name).is_not_null())
    for liars, colour, marker in ((False, HONEST, "o"), (True, BYZANTINE, "^")):
        for accepted in (False, True):
            part = rows.filter((pl.col("byzantine") == liars) & (pl.col("accepted") == accepted))
            values = part[name].to_numpy()
            place = part["arrival"].to_numpy()
            size = min(9.0, max(1.0, 9000 / len(rows)))  # thousands of dots must not hide each other
            look: dict[str, Any] = {"color": colour, "alpha": 0.75} if accepted else {"fc": "none", "ec": colour}
            look |= {"s": size, "marker": marker, "linewidths": 0.5, "rasterized": len(rows) > 500, "zorder": 2 + liars}
            inside = np.isfinite(values) & (values > 0)
            axes.scatter(place[inside], values[inside], **look)
            for outside, edge in ((~np.isfinite(values), 0.985), (values <= 0, 0.015)):
                if outside.any():
                    height = np.full(outside.sum(), edge)
                    axes.scatter(place[outside], height, transform=axes.get_xaxis_transform(), **look)
    threshold = rows.filter(pl.col(name + THRESHOLD).is_finite() & (pl.col(name + THRESHOLD) > 0))
    axes.plot(
        threshold["arrival"],
        threshold[name + THRESHOLD],
        color=INK,
        linewidth=1.0 if len(rows) < 3000 else 0.6,
        drawstyle="steps-post",
        zorder=4,
    )
