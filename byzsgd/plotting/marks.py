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
    shown = [panel for panel in panels if any(len(marks) for marks in panel.series.values())]
    if not shown:
        raise NothingToDraw(f"{title} needs runs that have it; got none")
    names = list(dict.fromkeys(name for panel in shown for name in panel.series))
    looks = dict(zip(names, ordered_looks(len(names)) if ordered else nominal_looks(names), strict=True))
    claims = list(dict.fromkeys("claimed" if name in looks else name for panel in shown for name in panel.lines))
    lost = any(math.isinf(found.middle) for panel in shown for marks in panel.series.values() for _, found in marks)
    with styled():
        legend = [handle(name, looks[name]) for name in names if name]
        legend += [Line2D([], [], color=INK, linestyle=CLAIM, label=name) for name in claims]
        if any(found.bound == ">" for panel in shown for marks in panel.series.values() for _, found in marks):
            legend.append(
                Line2D([], [], color=INK, linestyle="none", marker=MarkerStyle(CARETUPBASE), label="at least")
            )
        counts = [found.count for panel in shown for marks in panel.series.values() for _, found in marks]
        made = frame(title, [named(counts)], note, count=len(shown), legend=legend + [cross()] * lost)
        for axes, panel in made.panels((panel.title, panel) for panel in shown):
            for name, marks in panel.series.items():
                known = sorted((at, found) for at, found in marks if math.isfinite(found.middle))
                places, middles = [at for at, _ in known], [found.middle for _, found in known]
                ends = [
                    [max(0.0, found.middle - found.low) for _, found in known],
                    [max(0.0, found.high - found.middle) for _, found in known],
                ]
                look = looks[name]
                axes.errorbar(places, middles, yerr=ends, color=look.colour, linestyle=look.dash, marker=look.marker,
                              markersize=3.5, capsize=1.8, elinewidth=0.8, linewidth=1.1)  # fmt: skip
                beyond = [(at, found.middle) for at, found in known if found.bound == ">"]
                axes.plot([at for at, _ in beyond], [height for _, height in beyond], linestyle="none",
                          marker=MarkerStyle(CARETUPBASE), markersize=7, color=look.colour)  # fmt: skip
                gone = [at for at, found in marks if math.isinf(found.middle)]
                axes.plot(gone, [0.97] * len(gone), "X", color=look.colour, markersize=6, markeredgecolor="white",
                          transform=axes.get_xaxis_transform(), linestyle="none")  # fmt: skip
            for name, line in panel.lines.items():
                colour = looks[name].colour if name in looks else INK
                axes.plot(*zip(*sorted(line), strict=True), color=colour, linestyle=CLAIM, linewidth=1.1)
        first = made.axes[0, 0]
        if log_x:
            first.set_xscale("log")
            plain_log(first.xaxis)
        if log_y:
            first.set_yscale("log")
            plain_log(first.yaxis)
        if ceiling is not None:
            low, high = first.get_ylim()
            first.set_ylim(low, min(high, ceiling))
        label_outside(made, x, y)
    return made.figure
