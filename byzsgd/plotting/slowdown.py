"""What the defence costs: honest work that it throws away, against the f that it is built for."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.estimates import summary
from byzsgd.analysis.groups import ABSENT, Comparison, NothingToDraw, phrase
from byzsgd.analysis.outcomes import accepted

from .panels import frame, handle, label_outside, more
from .progress import spread
from .style import INK, nominal_looks, server_looks, styled

MOST_PANELS = 8


def slowdown(comparison: Comparison) -> Figure:
    """Share of the honest vectors that the server refused against f, with the line f/n.

    Kardam's claim is a slowdown below f/n: of n equal workers the (n−f)-th smallest coefficient lets (n−f)/n of the
    vectors pass (Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki; ICML 2018). All seeds (`analysis.estimates`).
    """
    keys = comparison.keys
    by = "f" if "f" in keys else "num_byzantine" if "num_byzantine" in keys else None
    workers = comparison.shared.get("num_workers")
    if by is None or workers is None:
        raise NothingToDraw("slowdown needs runs of one num_workers that differ in f; got none")
    panel = tuple(key for key in keys if key == "attack")
    hue = tuple(key for key in keys if key not in (by, *panel))
    names = list(dict.fromkeys(group.label(hue) if hue else "" for group in comparison.groups))
    if hue == ("aggregator",):
        named = server_looks(str(value) for value in comparison.look_values("aggregator"))
        looks = {phrase("aggregator", server): look for server, look in named.items()}
    else:
        looks = dict(zip(names, nominal_looks(names), strict=True))
    titles = list(dict.fromkeys(group.label(panel) if panel else "" for group in comparison.groups))
    shown = titles[:MOST_PANELS]
    top = max(int(value) for value in comparison.values(by) if value != ABSENT)
    with styled():
        line = Line2D([], [], color=INK, linestyle=(0, (1, 1.5)), label="f/n")
        made = frame(
            "Honest vectors lost to the defence",
            [spread(comparison.groups), more(len(titles) - len(shown))],
            comparison.caption(),
            count=len(shown),
            legend=[handle(name, looks[name]) for name in names if name] + [line],
            height=2.2 if len(shown) == 1 else 1.75,
        )
        for axes, title in made.panels((title, title) for title in shown):
            for name in names:
                points = [
                    (int(group.values[by]), np.array([1 - accepted(run, byzantine=False) for run in group.runs]))
                    for group in comparison.groups
                    if (group.label(hue) if hue else "") == name and (group.label(panel) if panel else "") == title
                ]
                points = sorted((f, lost[np.isfinite(lost)]) for f, lost in points if np.isfinite(lost).any())
                if points:
                    marks = [(f, *(float(part[0]) for part in summary(lost[:, None]))) for f, lost in points]
                    f, middle, low, high = (np.array(part) for part in zip(*marks, strict=True))
                    look = looks[name]
                    axes.errorbar(f, middle, yerr=(middle - low, high - middle),
                                  color=look.colour, linestyle=look.dash, marker=look.marker,
                                  markersize=4, capsize=2, elinewidth=0.9)  # fmt: skip
            axes.plot([0, top], [0, top / workers], color=INK, linestyle=(0, (1, 1.5)), linewidth=1.2)
        first = made.axes[0, 0]
        first.set_ylim(bottom=0)
        first.set_xlim(-0.15, top + 0.15)
        first.set_xticks(range(0, top + 1, math.ceil((top + 1) / 8)))
        label_outside(made, "declared f" if by == "f" else "Byzantine workers f", "honest refused")
    return made.figure
