"""Numbers of settings against a setting: one mark with its spread for each, and what was claimed as a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import CARETUPBASE, MarkerStyle

from byzsgd.analysis.estimates import Estimate, named
from byzsgd.analysis.groups import NothingToDraw
from byzsgd.plotting.panels import cross, frame, handle, label_outside, plain_log
from byzsgd.plotting.style import INK, nominal_looks, ordered_looks, styled

CLAIM = (0, (1, 1.5))  # the dash of a claimed line


@dataclass
class Panel:
    """One panel: its title, its series, and what is claimed of them."""

    title: str
    series: dict[str, list[tuple[float, Estimate]]] = field(default_factory=dict)  # name in the legend -> (x, number)
    lines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # under a series' name: its own

    def add(self, name: str, x: float, number: Estimate) -> None:
        self.series.setdefault(name, []).append((x, number))

    def claim(self, name: str, x: float, y: float) -> None:
        self.lines.setdefault(name, []).append((x, y))


def points(
    title: str,
    note: str,
    panels: Sequence[Panel],
    *,
    x: str,
    y: str,
    log_x: bool = False,
    log_y: bool = False,
    ordered: bool = False,
    ceiling: float | None = None,
) -> Figure:
    """A mark for every number, joined within a series; the bar is the spread of `analysis.estimates`.

    A cross at the upper edge: half of the runs or more were lost. A caret on a mark: the number is at least that.
    `ordered`: the series are an ascending setting. `ceiling`: where the y axis ends at the most.
    """
    present = [panel for panel in panels if any(len(marks) for marks in panel.series.values())]
    if not present:
        raise NothingToDraw(f"{title} needs runs that have it; got none")
    names = list(dict.fromkeys(name for panel in present for name in panel.series))
    looks = dict(zip(names, ordered_looks(len(names)) if ordered else nominal_looks(names), strict=True))
    claims = list(dict.fromkeys("claimed" if name in looks else name for panel in present for name in panel.lines))
    lost = any(math.isinf(mark.middle) for panel in present for marks in panel.series.values() for _, mark in marks)
    with styled():
        legend = [handle(name, looks[name]) for name in names if name]
        legend += [Line2D([], [], color=INK, linestyle=CLAIM, label=name) for name in claims]
        if any(mark.bound == ">" for panel in present for marks in panel.series.values() for _, mark in marks):
            legend.append(
                Line2D([], [], color=INK, linestyle="none", marker=MarkerStyle(CARETUPBASE), label="at least")
            )
        counts = [mark.count for panel in present for marks in panel.series.values() for _, mark in marks]
        layout = frame(title, [named(counts)], note, count=len(present), legend=legend + [cross()] * lost)
        for axes, panel in layout.panels((panel.title, panel) for panel in present):
            for name, marks in panel.series.items():
                finite = sorted((at, mark) for at, mark in marks if math.isfinite(mark.middle))
                positions, middles = [at for at, _ in finite], [mark.middle for _, mark in finite]
                ends = [
                    [max(0.0, mark.middle - mark.low) for _, mark in finite],
                    [max(0.0, mark.high - mark.middle) for _, mark in finite],
                ]
                look = looks[name]
                axes.errorbar(positions, middles, yerr=ends, color=look.colour, linestyle=look.dash, marker=look.marker,
                              markersize=3.5, capsize=1.8, elinewidth=0.8, linewidth=1.1)  # fmt: skip
                beyond = [(at, mark.middle) for at, mark in finite if mark.bound == ">"]
                axes.plot([at for at, _ in beyond], [height for _, height in beyond], linestyle="none",
                          marker=MarkerStyle(CARETUPBASE), markersize=7, color=look.colour)  # fmt: skip
                losses = [at for at, mark in marks if math.isinf(mark.middle)]
                axes.plot(losses, [0.97] * len(losses), "X", color=look.colour, markersize=6, markeredgecolor="white",
                          transform=axes.get_xaxis_transform(), linestyle="none")  # fmt: skip
            for name, line in panel.lines.items():
                colour = looks[name].colour if name in looks else INK
                axes.plot(*zip(*sorted(line), strict=True), color=colour, linestyle=CLAIM, linewidth=1.1)
        first = layout.axes[0, 0]
        if log_x:
            first.set_xscale("log")
            plain_log(first.xaxis)
        if log_y:
            first.set_yscale("log")
            plain_log(first.yaxis)
        if ceiling is not None:
            low, high = first.get_ylim()
            first.set_ylim(low, min(high, ceiling))
        label_outside(layout, x, y)
    return layout.figure
