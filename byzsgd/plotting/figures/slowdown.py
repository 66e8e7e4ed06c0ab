"""What the defence costs: honest work that it throws away, against the f that it is built for."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from byzsgd.analysis.estimates import summary
from byzsgd.analysis.groups import Comparison, by_label, phrase
from byzsgd.analysis.outcomes import accepted
from byzsgd.plotting.curves import spread
from byzsgd.plotting.declaration import Need, differing, figure
from byzsgd.plotting.panels import frame, handle, label_outside, more
from byzsgd.plotting.style import INK, nominal_looks, server_looks, styled

MOST_PANELS = 8


def _by(comparison: Comparison) -> str | None:
    """What f is here: the declared one or, where that does not differ, the number of liars."""
    return next((key for key in ("f", "num_byzantine") if key in comparison.keys), None)


@figure(
    Need(
        "runs of one num_workers that differ in f",
        lambda comparison: _by(comparison) is not None and comparison.shared.get("num_workers") is not None,
        differing,
    ),
    columns=("byzantine", "accepted"),
)
def slowdown(comparison: Comparison) -> Figure:
    """Share of the honest vectors that the server refused against f, with the line f/n.

    Kardam's claim is a slowdown below f/n: of n equal workers the (n−f)-th smallest coefficient lets (n−f)/n of the
    vectors pass (Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki; ICML 2018). All seeds (`analysis.estimates`).
    """
    keys = comparison.keys
    by, workers = str(_by(comparison)), int(comparison.runs[0].config["num_workers"])
    panel = tuple(key for key in keys if key == "attack")
    hue = tuple(key for key in keys if key not in (by, *panel))
    names = list(by_label(comparison.groups, hue))
    if hue == ("aggregator",):
        server_looks_by_name = server_looks(str(value) for value in comparison.look_values("aggregator"))
        looks = {phrase("aggregator", server): look for server, look in server_looks_by_name.items()}
    else:
        looks = dict(zip(names, nominal_looks(names), strict=True))
    titles = list(by_label(comparison.groups, panel))
    visible = titles[:MOST_PANELS]
    top = max(value for value in comparison.values(by) if isinstance(value, int))
    with styled():
        line = Line2D([], [], color=INK, linestyle=(0, (1, 1.5)), label="f/n")
        layout = frame(
            "Honest vectors lost to the defence",
            [spread(comparison.groups), more(len(titles) - len(visible))],
            comparison.caption(),
            count=len(visible),
            legend=[handle(name, looks[name]) for name in names if name] + [line],
            height=2.2 if len(visible) == 1 else 1.75,
        )
        for axes, title in layout.panels((title, title) for title in visible):
            for name in names:
                points = [
                    (f, np.array([1 - accepted(run, byzantine=False) for run in group.runs]))
                    for group in comparison.groups
                    if isinstance(f := group.values[by], int)
                    and group.label(hue) == name
                    and group.label(panel) == title
                ]
                points = sorted((f, shares[np.isfinite(shares)]) for f, shares in points if np.isfinite(shares).any())
                if points:
                    marks = [(f, *(float(part[0]) for part in summary(shares[:, None]))) for f, shares in points]
                    f, middle, low, high = (np.array(part) for part in zip(*marks, strict=True))
                    look = looks[name]
                    axes.errorbar(f, middle, yerr=(middle - low, high - middle),
                                  color=look.colour, linestyle=look.dash, marker=look.marker,
                                  markersize=4, capsize=2, elinewidth=0.9)  # fmt: skip
            axes.plot([0, top], [0, top / workers], color=INK, linestyle=(0, (1, 1.5)), linewidth=1.2)
        first = layout.axes[0, 0]
        first.set_ylim(bottom=0)
        first.set_xlim(-0.15, top + 0.15)
        first.set_xticks(range(0, top + 1, math.ceil((top + 1) / 8)))
        label_outside(layout, "declared f" if by == "f" else "Byzantine workers f", "honest refused")
    return layout.figure
