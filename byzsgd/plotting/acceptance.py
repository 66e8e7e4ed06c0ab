"""What the server let in: the share of honest and of Byzantine vectors accepted, over the run."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from byzsgd.analysis.bands import Axis
from byzsgd.analysis.estimates import summary
from byzsgd.analysis.groups import Comparison, Group, NothingToDraw, Recorded

from .panels import arrange, frame, handle, kind_handles, label_outside, more, name_panel, remark
from .progress import spread
from .style import BYZANTINE, HONEST, Look, styled

COLUMN = {"updates": "step", "time": "time", "arrivals": "arrival"}
LABEL = {"updates": "server updates", "time": "virtual time (s)", "arrivals": "delivered vectors"}
WINDOWS = 40


def acceptance(comparison: Comparison, *, x: Axis = "arrivals") -> Figure:
    """Share of vectors accepted in each of 40 windows of the run: honest and Byzantine in one panel for one setting,
    one above the other for several."""
    groups = [group for group in comparison.groups if any(len(run.arrivals) for run in group.runs)]
    if not groups:
        raise NothingToDraw("acceptance needs delivered vectors; got none")
    end = max(float(run.arrivals[COLUMN[x]].max() or 0) for group in groups for run in group.runs)  # type: ignore[arg-type]
    windows = min(WINDOWS, max(1, int(max(len(run.arrivals) for group in groups for run in group.runs) / 40)))
    edges = np.linspace(0, end or 1.0, windows + 1)
    with styled():
        if len(groups) == 1:
            return _one(comparison, groups[0], edges, x)
        arrangement = arrange(comparison)
        panels = arrangement.panels[:8]
        made = frame(
            "Vectors that the server accepted",
            more(
                comparison.caption() + spread(groups),
                arrangement.left_out + len(arrangement.panels) - len(panels),
            ),
            count=2 * len(panels),
            columns=len(panels),
            legend=[handle(text, look) for text, look in arrangement.entries(())],
            height=1.6,
            width=7.16 if len(panels) <= 5 else 1.45 * len(panels),
        )
        for column, (panel, members) in enumerate(panels):
            if panel:
                name_panel(made, made.axes[0, column], panel)
            for row, liars in enumerate((False, True)):
                drawn = [
                    _draw(made.axes[row, column], group, edges, liars, x, arrangement.look(group)) for group in members
                ]
                if not any(drawn):
                    remark(made.axes[row, column], "no such vectors")
        _percent(made.axes[0, 0])
        label_outside(made, LABEL[x], "")
        made.axes[0, 0].set_ylabel("honest accepted")
        made.axes[1, 0].set_ylabel("Byzantine accepted")
    return made.figure


def _one(comparison: Comparison, group: Group, edges: np.ndarray, x: Axis) -> Figure:
    liars = any(run.arrivals["byzantine"].any() for run in group.runs)
    made = frame(
        "Vectors that the server accepted",
        comparison.caption() + spread([group]),
        legend=kind_handles(liars),
        height=2.2,
    )
    axes = made.axes[0, 0]
    _draw(axes, group, edges, False, x, Look(HONEST, "-", "o"))
    _draw(axes, group, edges, True, x, Look(BYZANTINE, (0, (4, 1.5)), "s"))
    _percent(axes)
    label_outside(made, LABEL[x], "share accepted")
    return made.figure


def _percent(axes: Axes) -> None:
    axes.set_ylim(-0.02, 1.02)
    axes.set_yticks(np.linspace(0, 1, 5), ["0", "25 %", "50 %", "75 %", "100 %"])
    axes.set_xlim(left=0)


def _draw(axes: Axes, group: Group, edges: np.ndarray, liars: bool, x: Axis, look: Look) -> bool:
    shares = np.stack([windowed(run, edges, liars, x) for run in group.runs])
    filled = np.isfinite(shares).all(axis=0)
    if not filled.any():
        return False
    middles = ((edges[1:] + edges[:-1]) / 2)[filled]
    middle, low, high = summary(shares[:, filled])
    if len(group.runs) > 1:
        axes.fill_between(middles, low, high, color=look.colour, alpha=0.13, linewidth=0)
    marker = look.marker if len(middles) == 1 else None
    axes.plot(middles, middle, color=look.colour, linestyle=look.dash, marker=marker)
    return True


def windowed(run: Recorded, edges: np.ndarray, liars: bool, x: Axis) -> np.ndarray:
    """Share accepted among the honest (or the Byzantine) vectors of each window; NaN where none arrived."""
    rows = run.arrivals.filter(pl.col("byzantine") == liars)
    window = np.clip(np.searchsorted(edges, rows[COLUMN[x]].to_numpy(), side="right") - 1, 0, len(edges) - 2)
    came = np.bincount(window, minlength=len(edges) - 1)
    passed = np.bincount(window, weights=rows["accepted"].to_numpy().astype(float), minlength=len(edges) - 1)
    shares: np.ndarray = np.divide(passed, came, out=np.full(len(came), np.nan), where=came > 0)
    return shares
