"""The clock as it was meant and as it came: realised times (or staleness) against the configured law."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.groups import Comparison, Group, Recorded
from byzsgd.analysis.jobs import jobs
from byzsgd.plotting.declaration import DELIVERED, figure
from byzsgd.plotting.panels import frame, kind_handles, label_outside, more, plain_log
from byzsgd.plotting.style import BYZANTINE, HONEST, INK, styled

MOST_PANELS = 8
POINTS = 400


class Law(Protocol):
    """A configured delay: a law of seconds, or of staleness where `prescribed`."""

    @property
    def prescribed(self) -> bool: ...
    def cdf(self, values: np.ndarray, /) -> np.ndarray: ...


LawOf = Callable[[Recorded], Law | None]  # None: the law is not of one formula


@figure(DELIVERED, columns=("arrival", "time", "worker", "step", "updated", "read_at_true", "byzantine"))
def delays(comparison: Comparison, *, law_of: LawOf | None = None) -> Figure:
    """Share of the jobs that took longer than a time (or of the vectors staler than τ), on a logarithmic axis, where
    tails are seen: honest and Byzantine as they came, and the configured law as a dotted line.

    Where workers differ in speed, the times of each are divided by its median and the law by its own, so that the
    shapes are compared.
    """
    groups = _clocks(comparison)
    visible = groups[:MOST_PANELS]
    laws = [None if law_of is None or _has_communication(group.runs[0]) else law_of(group.runs[0]) for group in visible]
    prescribed = [law is not None and law.prescribed for law in laws]
    alike = len(set(prescribed)) == 1  # seconds and staleness are not compared by eye
    keys = tuple(key for key in comparison.keys if key.startswith("delay"))
    with styled():
        legend = kind_handles(any(run.arrivals["byzantine"].any() for group in visible for run in group.runs))
        if any(law is not None for law in laws):
            legend.append(Line2D([], [], color=INK, linestyle=(0, (1, 1.3)), label="configured law"))
        layout = frame(
            "Delays as they came and as configured",
            [more(len(groups) - len(visible))],
            comparison.caption(),
            count=len(visible),
            legend=legend,
            height=2.2 if len(visible) == 1 else 1.75,
            sharex=alike,
        )
        layout.axes[0, 0].set_yscale("log")
        layout.axes[0, 0].set_ylim(8e-4, 1.2)
        plain_log(layout.axes[0, 0].yaxis)
        label_outside(layout, "", "share that is longer")
        content = zip(visible, laws, prescribed, strict=True)
        for axes, (group, law, of_staleness) in layout.panels((each[0].label(keys), each) for each in content):
            longest = _draw(axes, group, law, of_staleness)
            axes.set_xlim(0, max(longest * 1.02, axes.get_xlim()[1] if alike and axes is not layout.axes[0, 0] else 0))
    return layout.figure


def _has_communication(run: Recorded) -> bool:
    """Whether communication is added to what the law says: the sum has no formula."""
    return (run.config.get("delay") or {}).get("communication") is not None


def _clocks(comparison: Comparison) -> list[Group]:
    """One group for each clock, with liars where there are any: under another attack or server the same jobs take the
    same times."""
    keys = tuple(key for key in comparison.keys if key.startswith("delay"))
    clocks: dict[str, Group] = {}
    for group in sorted(comparison.groups, key=lambda group: not group.runs[0].arrivals["byzantine"].any()):
        if any(len(run.arrivals) for run in group.runs):
            clocks.setdefault(group.label(keys), group)
    return list(clocks.values())


def delays_of(run: Recorded, liars: bool, of_staleness: bool, scaled: bool) -> np.ndarray:
    """Seconds of the jobs (or the staleness of the vectors) of one kind of worker."""
    rows = jobs(run).filter(pl.col("byzantine") == liars)
    if of_staleness:
        return rows["staleness"].to_numpy().astype(float)
    seconds = pl.col("time") - pl.col("began")
    if scaled:
        seconds = seconds / seconds.median().over("worker")
    values: np.ndarray = rows.select(seconds)["time"].drop_nans().to_numpy()
    return values


def _draw(axes: Axes, group: Group, law: Law | None, of_staleness: bool) -> float:
    """Returns how far the axis should reach."""
    run = group.runs[0]
    node = run.config.get("delay", {}).get("heterogeneity") or {}
    scaled = not of_staleness and not str(node.get("_target_", "equal")).endswith("equal")
    longest = 1.0
    for liars, colour, dash in ((False, HONEST, "-"), (True, BYZANTINE, (0, (4, 1.5)))):
        values = np.sort(np.concatenate([delays_of(run, liars, of_staleness, scaled) for run in group.runs]))
        if not len(values):
            continue
        longest = max(longest, float(np.quantile(values, 0.9995)))
        above = 1 - np.arange(1, len(values) + 1) / len(values)
        axes.plot(values, above, color=colour, linestyle=dash, drawstyle="steps-post")
    if law is not None:
        x = np.arange(np.ceil(longest) + 1) if of_staleness else np.linspace(0, longest, POINTS)
        scale = _median(law) if scaled else 1.0
        axes.plot(x, 1 - law.cdf(x * scale), color=INK, linestyle=(0, (1, 1.3)), linewidth=1.3, zorder=4,
                  drawstyle="steps-post" if of_staleness else "default")  # fmt: skip
    seconds = "seconds of a job / median of its worker" if scaled else "seconds of a job"
    axes.set_xlabel("staleness τ" if of_staleness else seconds)
    return longest


def _median(law: Law) -> float:
    """By bisection: a law need not know its quantiles."""
    low, high = 0.0, 1.0
    while float(law.cdf(np.array([high]))[0]) < 0.5:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if float(law.cdf(np.array([middle]))[0]) >= 0.5 else (middle, high)
    return high
