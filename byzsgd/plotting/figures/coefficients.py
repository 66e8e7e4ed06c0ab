"""Why a filter accepted or refused: what it measured on each vector against its threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.groups import Comparison, Recorded
from byzsgd.plotting.declaration import Need, figure
from byzsgd.plotting.panels import dot, frame, label_outside, more, plain_log
from byzsgd.plotting.style import BYZANTINE, FAINT, HONEST, INK, styled

MOST_PANELS = 12
THRESHOLD = "_threshold"
STRIP = 0.12  # of the decades of the axis, for what has no place on it


def scores_of(run: Recorded) -> list[str]:
    """Scores that come with a threshold: `lipschitz` beside `lipschitz_threshold`."""
    names = run.arrivals.columns
    return [
        name.removesuffix(THRESHOLD)
        for name in names
        if name.endswith(THRESHOLD)
        and name.removesuffix(THRESHOLD) in names
        and run.arrivals[name.removesuffix(THRESHOLD)].is_not_null().any()
    ]


def _firsts(comparison: Comparison, score: str | None = None) -> list[tuple[str, tuple[Recorded, str]]]:
    """Of each setting with such a score: its label, its first run, and the score."""
    firsts = comparison.firsts(lambda run: score in scores_of(run) if score else scores_of(run))
    return [(label, (run, score or scores_of(run)[0])) for label, run in firsts]


@figure(
    Need("a filter that measures against a threshold", lambda comparison, score=None: bool(_firsts(comparison, score))),
    columns=("arrival", "byzantine", "accepted"),
)
def coefficients(comparison: Comparison, *, score: str | None = None) -> Figure:
    """One dot for each vector judged, in the first run of each setting: honest or Byzantine by colour and shape, filled
    when accepted; the line is the threshold at that moment. What the axis has no place for stands in strips of its own:
    above what is infinite or no number (and what is a hundred times beyond the rest), below what is 0."""
    settings = _firsts(comparison, score)
    left_out = len(settings) - MOST_PANELS
    settings = settings[:MOST_PANELS]
    with styled():
        legend = [
            dot("honest", HONEST),
            dot("Byzantine", BYZANTINE, "^"),
            dot("refused", INK, face="none"),
            Line2D([], [], color=INK, linewidth=1.1, label="threshold"),
        ]
        what = " and ".join(sorted({name for _, (_, name) in settings})).replace("_", " ").capitalize()
        seed = settings[0][1][0].config.get("seed")
        layout = frame(
            f"{what} coefficient against the threshold",
            ["" if seed is None else f"drawn: seed {seed}", more(left_out)],
            comparison.caption(),
            count=len(settings),
            legend=legend,
            height=2.4 if len(settings) == 1 else 1.8,
        )
        scale = _scale([pair for _, pair in settings])
        for axes, (run, name) in layout.panels(settings):
            _draw(axes, run, name, scale)
        layout.axes[0, 0].set_yscale("log")
        layout.axes[0, 0].set_ylim(scale.bottom, scale.top)
        plain_log(layout.axes[0, 0].yaxis)
        layout.axes[0, 0].set_xlim(left=0)
        label_outside(layout, "delivered vectors", "coefficient")
    return layout.figure


@dataclass(frozen=True)
class Scale:
    """A logarithmic axis from low to high, with a strip below and above where something has no place on it."""

    low: float
    high: float
    below: bool
    above: bool

    @property
    def strip(self) -> float:
        """The factor that a strip takes."""
        return float((self.high / self.low) ** STRIP)

    @property
    def bottom(self) -> float:
        return self.low / self.strip if self.below else self.low

    @property
    def top(self) -> float:
        return self.high * self.strip if self.above else self.high

    def positions(self, values: np.ndarray) -> np.ndarray:
        """Where each value is drawn: in the middle of a strip if it has no place on the axis."""
        # NaN is in no order: it counts as above.
        at_most_high = np.where(values <= self.high, values, self.high * self.strip**0.5)
        return np.where(values < self.low, self.low / self.strip**0.5, at_most_high)


def _scale(pairs: list[tuple[Recorded, str]]) -> Scale:
    """All that is positive and finite, but for a few wild values, which must not squeeze the bulk."""
    columns = [pl.concat([run.arrivals[name], run.arrivals[name + THRESHOLD]]).drop_nulls() for run, name in pairs]
    scores = np.concatenate([run.arrivals[name].drop_nulls().to_numpy() for run, name in pairs])
    values = np.concatenate([each.to_numpy() for each in columns])
    values = values[np.isfinite(values) & (values > 0)]
    low, high = 0.1, 10.0
    if len(values):
        low = max(float(values.min()), float(np.quantile(values, 0.002)) / 100) / 1.6
        high = min(float(values.max()), float(np.quantile(values, 0.998)) * 100) * 1.6
    return Scale(low, high, bool((scores < low).any()), bool((~(scores <= high)).any()))


def _draw(axes: Axes, run: Recorded, name: str, scale: Scale) -> None:
    rows = run.arrivals.filter(pl.col(name).is_not_null())
    for liars, colour, marker in ((False, HONEST, "o"), (True, BYZANTINE, "^")):
        for accepted in (False, True):
            part = rows.filter((pl.col("byzantine") == liars) & (pl.col("accepted") == accepted))
            values = part[name].to_numpy()
            arrival = part["arrival"].to_numpy()
            size = min(9.0, max(1.0, 9000 / len(rows)))  # thousands of dots must not hide each other
            axes.scatter(arrival, scale.positions(values), s=size, marker=marker,
                         facecolors=colour if accepted else "none", edgecolors=colour, alpha=0.75 if accepted else None,
                         linewidths=0.5, rasterized=len(rows) > 500, zorder=2 + liars)  # fmt: skip
    for there, edge, mark in ((scale.above, scale.high, "∞"), (scale.below, scale.low, "0")):
        if there:
            axes.axhline(edge, color=FAINT, linewidth=0.6, linestyle=(0, (1, 1.5)))
            middle = edge * scale.strip**0.5 if edge == scale.high else edge / scale.strip**0.5
            axes.text(1.01, middle, mark, transform=axes.get_yaxis_transform(), va="center", fontsize=7.5, color=FAINT)
    threshold = rows.filter(pl.col(name + THRESHOLD).is_finite() & (pl.col(name + THRESHOLD) > 0))
    axes.plot(
        threshold["arrival"],
        threshold[name + THRESHOLD],
        color=INK,
        linewidth=1.0 if len(rows) < 3000 else 0.6,
        drawstyle="steps-post",
        zorder=4,
    )
