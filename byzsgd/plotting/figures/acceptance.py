"""What the server let in: the share of honest and of Byzantine vectors accepted, over the run."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from byzsgd.analysis.curves import Axis
from byzsgd.analysis.estimates import summary
from byzsgd.analysis.groups import Comparison, Group, Recorded
from byzsgd.analysis.outcomes import may_refuse
from byzsgd.plotting.curves import spread
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import arrange, beside, briefly, frame, handle, kind_handles, label_outside, left_out, more
from byzsgd.plotting.style import BYZANTINE, DOUBLE, HONEST, Look, styled

COLUMN = {"updates": "step", "time": "time", "arrivals": "arrival"}
LABEL = {"updates": "server updates", "time": "virtual time (s)", "arrivals": "delivered vectors"}
WINDOWS = 40


def _refuses(run: Recorded) -> bool:
    return len(run.arrivals) > 0 and may_refuse(run)


@figure(
    a_run("delivered vectors and a server that refuses some", _refuses),
    columns=("arrival", "time", "step", "byzantine", "accepted"),
    axes=("arrivals", "updates", "time"),
)
def acceptance(comparison: Comparison, *, x: Axis = "arrivals") -> Figure:
    """Share of vectors accepted in each of 40 windows of the run: honest and Byzantine in one panel for one setting,
    one above the other for several. Servers that refuse nothing, and have no filter that could, are left out."""
    with_arrivals = [group for group in comparison.groups if any(len(run.arrivals) for run in group.runs)]
    groups = [group for group in with_arrivals if any(map(_refuses, group.runs))]
    never = briefly(comparison, [group for group in with_arrivals if group not in groups])
    end = max(float(run.arrivals[COLUMN[x]].max() or 0) for group in groups for run in group.runs)  # type: ignore[arg-type]
    windows = min(WINDOWS, max(1, int(max(len(run.arrivals) for group in groups for run in group.runs) / 40)))
    edges = np.linspace(0, end or 1.0, windows + 1)
    with styled():
        if len(groups) == 1:
            return _one(comparison, groups[0], edges, x, left_out("refuse nothing", never))
        arrangement = arrange(comparison)
        filled = [(title, [group for group in members if group in groups]) for title, members in arrangement.panels]
        filled = [(title, members) for title, members in filled if members]
        panels = filled[: min(8, beside())]
        entries = [entry for entry in arrangement.entries(groups) if entry[0] not in never]
        liars_in = [any(_has_liars(group) for group in members) for _, members in panels]
        layout = frame(
            "Vectors that the server accepted",
            [
                spread(groups),
                left_out("refuse nothing", never),
                left_out("nobody lies", [title for (title, _), lies in zip(panels, liars_in, strict=True) if not lies]),
                more(arrangement.left_out + len(filled) - len(panels)),
            ],
            comparison.caption(),
            count=2 * len(panels),
            columns=len(panels),
            legend=[handle(text, look) for text, look in entries],
            height=1.6,
            width=DOUBLE if len(panels) <= 5 else 1.45 * len(panels),
        )
        titles = [(title, lies, members) for (title, members), lies in zip(panels, liars_in, strict=True)]
        for axes, liars, members in layout.of_both_kinds(titles):
            for group in members:
                _draw(axes, group, edges, liars, x, arrangement.look(group))
        _percent(layout.axes[0, 0])
        label_outside(layout, LABEL[x], "")
        layout.name_rows("honest accepted", "Byzantine accepted")
    return layout.figure


def _has_liars(group: Group) -> bool:
    return any(run.arrivals["byzantine"].any() for run in group.runs)


def _one(comparison: Comparison, group: Group, edges: np.ndarray, x: Axis, without: str) -> Figure:
    layout = frame(
        "Vectors that the server accepted",
        [group.label(comparison.keys), spread([group]), without],
        comparison.caption(),
        legend=kind_handles(_has_liars(group)),
        height=2.2,
    )
    axes = layout.axes[0, 0]
    _draw(axes, group, edges, False, x, Look(HONEST, "-", "o"))
    _draw(axes, group, edges, True, x, Look(BYZANTINE, (0, (4, 1.5)), "s"))
    _percent(axes)
    label_outside(layout, LABEL[x], "share accepted")
    return layout.figure


def _percent(axes: Axes) -> None:
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks(np.linspace(0, 1, 5), ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlim(left=0)


def _draw(axes: Axes, group: Group, edges: np.ndarray, liars: bool, x: Axis, look: Look) -> None:
    shares = np.stack([shares_accepted(run, edges, liars, x) for run in group.runs])
    windows = np.isfinite(shares).all(axis=0)
    if not windows.any():
        return
    middles = ((edges[1:] + edges[:-1]) / 2)[windows]
    middle, low, high = summary(shares[:, windows])
    if len(group.runs) > 1:
        axes.fill_between(middles, low, high, color=look.colour, alpha=0.13, linewidth=0)
    marker = look.marker if len(middles) == 1 else None
    axes.plot(middles, middle, color=look.colour, linestyle=look.dash, marker=marker)


def shares_accepted(run: Recorded, edges: np.ndarray, liars: bool, x: Axis) -> np.ndarray:
    """Share accepted among the honest (or the Byzantine) vectors of each window; NaN where none arrived."""
    rows = run.arrivals.filter(pl.col("byzantine") == liars)
    window = np.clip(np.searchsorted(edges, rows[COLUMN[x]].to_numpy(), side="right") - 1, 0, len(edges) - 2)
    arrivals = np.bincount(window, minlength=len(edges) - 1)
    acceptances = np.bincount(window, weights=rows["accepted"].to_numpy().astype(float), minlength=len(edges) - 1)
    shares: np.ndarray = np.divide(acceptances, arrivals, out=np.full(len(arrivals), np.nan), where=arrivals > 0)
    return shares
