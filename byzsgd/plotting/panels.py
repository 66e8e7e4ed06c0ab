"""The frame of a figure: a grid of panels under a direct title, a caption and one legend."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import ceil
from textwrap import wrap
from typing import Literal, TypeVar

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from byzsgd.analysis.groups import ABSENT, Comparison, Group, Recorded, by_label, phrase
from byzsgd.plotting.style import (
    BYZANTINE,
    DOUBLE,
    FAINT,
    HONEST,
    SINGLE,
    Look,
    nominal_looks,
    ordered_looks,
    server_looks,
)

DEFENCES = ("aggregator", "scheme/rule")  # keys that colours and rows are for, the first of them that differs
T = TypeVar("T")
MOST_PANELS = 20  # of one figure; the caption says when there were more
MOST_ENTRIES = 40  # of a legend
MARGIN = 0.035  # of a side of a panel, between its axes and a mark that belongs beyond them
LETTER = 0.065  # inches: the mean width of a letter of the legend; titles and captions by their size
_PAPER: ContextVar[float | None] = ContextVar("paper", default=None)  # inches that a figure must be wide


@dataclass(frozen=True)
class Frame:
    """A figure and its panels, row by row."""

    figure: Figure
    axes: np.ndarray  # (rows, columns) of Axes; None where a panel is left out

    def leave_out(self, row: int, column: int) -> None:
        """Takes a panel away; what is above it then shows the numbers of the x axis."""
        self.axes[row, column].remove()
        self.axes[row, column] = None
        if row and self.axes[row - 1, column] is not None:
            self.axes[row - 1, column].xaxis.set_tick_params(labelbottom=True)

    def panels(self, titles: Iterable[tuple[str, T]], *, pad: float | None = None) -> Iterator[tuple[Axes, T]]:
        """The panels in their order, each under its title, with what is to be drawn there; `pad` as in `name_panel`."""
        for axes, (title, content) in zip(self.axes.flat, titles, strict=False):
            if title:
                name_panel(self, axes, title, pad=pad)
            yield axes, content

    def of_both_kinds(self, titles: Iterable[tuple[str, bool, T]]) -> Iterator[tuple[Axes, bool, T]]:
        """Of two rows the panel of honest vectors, and below it that of Byzantine ones where somebody lies: column by
        column, each under its title."""
        for column, (title, with_liars, content) in enumerate(titles):
            if title:
                name_panel(self, self.axes[0, column], title)
            yield self.axes[0, column], False, content
            if with_liars:
                yield self.axes[1, column], True, content
            else:
                self.leave_out(1, column)

    def name_rows(self, *names: str) -> None:
        """A label of the y axis for each row, at the first panel that it has; it shows the numbers."""
        for row, name in zip(self.axes, names, strict=True):
            first = next((axes for axes in row if axes is not None), None)
            if first is not None:
                first.set_ylabel(name)
                first.yaxis.set_tick_params(labelleft=True)


@dataclass(frozen=True)
class Arrangement:
    """Which group is drawn in which panel and how: one key gives the look, the others the panel."""

    hue: str | None
    panels: tuple[tuple[str, tuple[Group, ...]], ...]  # title and groups
    looks: Mapping[object, Look]
    left_out: int  # panels beyond what a figure can show
    legend: tuple[str, ...]  # the keys that it names: the hue, and the settings that follow from it

    def look(self, group: Group) -> Look:
        return self.looks[None if self.hue is None else group.values[self.hue]]

    def entries(self, groups: Sequence[Group]) -> list[tuple[str, Look]]:
        """The legend: every value of the hue, with its divergence where all panels are one."""
        if self.hue is None:
            return []
        one_panel = len(self.panels) == 1
        entries = []
        for value, look in self.looks.items():
            members = [group for group in groups if group.values[self.hue] == value]
            text = members[0].label(self.legend) if members else phrase(self.hue, value) if value != ABSENT else ABSENT
            if one_panel and members and members[0].diverged:
                text += f" ({members[0].diverged} of {len(members[0].runs)} diverged)"
            entries.append((text, look))
        return entries


def arrange(comparison: Comparison) -> Arrangement:
    """Servers by colour where they differ, or the rules of nodes, else the first thing that does; whatever else differs
    makes panels."""
    keys = comparison.keys
    hue = next((key for key in (*DEFENCES, *keys) if key in keys), None)
    rest = comparison.besides(hue)
    ranks = {key: {value: rank for rank, value in enumerate(comparison.values(key))} for key in rest}
    sorted_groups = sorted(comparison.groups, key=lambda group: [ranks[key][group.values[key]] for key in rest])
    panels = tuple((title, tuple(groups)) for title, groups in by_label(sorted_groups, rest).items())
    legend = () if hue is None else comparison.with_own(hue)
    return Arrangement(hue, panels[:MOST_PANELS], _looks_of(comparison, hue), max(0, len(panels) - MOST_PANELS), legend)


def _looks_of(comparison: Comparison, hue: str | None) -> dict[object, Look]:
    """The look of each value of the hue: that which it has among all runs of the folder."""
    servers = server_looks(str(value) for value in comparison.look_values("aggregator"))
    if hue is None:
        return {None: servers.get(str(comparison.shared.get("aggregator")), nominal_looks([None])[0])}
    values = comparison.look_values(hue)
    if hue == "aggregator":
        looks = {value: servers[str(value)] for value in values}
    elif all(isinstance(value, int | float) for value in values):
        looks = dict(zip(values, ordered_looks(len(values)), strict=True))
    else:
        looks = dict(zip(values, nominal_looks(values), strict=True))
    return {value: looks[value] for value in comparison.values(hue)}


def frame_of(
    comparison: Comparison,
    arrangement: Arrangement,
    title: str,
    facts: Sequence[str],
    groups: Sequence[Group],
    also: Sequence[Line2D] = (),
) -> Frame:
    """The frame of an arrangement: a panel for each of its own, and the legend of these groups with what is `also` in
    it."""
    return frame(
        title,
        [*facts, more(arrangement.left_out)],
        comparison.caption(),
        count=len(arrangement.panels),
        legend=[*(handle(text, look) for text, look in arrangement.entries(groups)), *also],
        height=2.25 if len(arrangement.panels) == 1 else 1.75,
    )


def of_runs(comparison: Comparison, title: str) -> tuple[Frame, list[tuple[Axes, Recorded, Look]]]:
    """The frame of a figure with a thin line for each run, and where each run is drawn and how."""
    arrangement = arrange(comparison)
    layout = frame_of(comparison, arrangement, title, (), comparison.groups)
    lines = [(axes, run, arrangement.look(group)) for axes, groups in layout.panels(arrangement.panels)
              for group in groups for run in group.runs]  # fmt: skip
    return layout, lines


@contextmanager
def on_paper(width: float | None) -> Iterator[None]:
    """Within it every figure is so many inches wide; None: as wide as each needs."""
    token = _PAPER.set(width)
    try:
        yield
    finally:
        _PAPER.reset(token)


def beside(least: float = 1.4) -> int:
    """How many panels of at least so many inches a row has room for."""
    return max(1, int((_PAPER.get() or DOUBLE) / least))


def frame(
    title: str,
    facts: list[str],  # no text: it would be taken letter by letter
    note: str = "",
    *,
    count: int = 1,
    columns: int | None = None,
    legend: Sequence[Artist] = (),
    height: float = 2.0,
    width: float | None = None,
    sharex: bool | Literal["row", "col"] = True,
    sharey: bool | Literal["row", "col"] = True,
) -> Frame:
    """An empty figure for `count` panels: above them what the reader must know, below a note of what all runs share.
    Head and foot take the room that their text needs, whatever the number of rows."""
    columns = columns or min(count if count <= 4 else 3 if count in (5, 6, 9) else 4, beside(1.5))
    rows = ceil(count / columns)
    width = _PAPER.get() or width or (SINGLE if columns == 1 else DOUBLE)
    titles = wrap(title, int(width / (LETTER * 1.16)))
    captions = _lines(" · ".join(filter(None, facts)), int(width / (LETTER * 0.76)))
    notes = _lines(note, int(width / (LETTER * 0.71)))
    handles = list(legend)[:MOST_ENTRIES]
    if len(legend) > MOST_ENTRIES:
        handles[-1] = Line2D([], [], linestyle="none", label=f"and {len(legend) - MOST_ENTRIES + 1} more")
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    legend_columns = min(len(handles), max(1, int((width - 0.1) / (longest * LETTER + 0.5)))) if handles else 1
    legend_rows = ceil(len(handles) / legend_columns)
    head = 0.09 + 0.17 * len(titles) + 0.135 * len(captions) + (0.06 + 0.155 * legend_rows if handles else 0.02)
    foot = 0.05 + 0.115 * len(notes) if notes else 0.0
    total = head + rows * height + foot
    figure = Figure(figsize=(width, total), layout="constrained")
    FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0, foot / total, 1, 1 - (head + foot) / total))  # type: ignore[call-arg]
    margin = 0.06 / width
    height_so_far = 0.07
    for line in titles:
        figure.text(margin, 1 - height_so_far / total, line, fontsize=9.5, fontweight="bold", va="top")
        height_so_far += 0.17
    for line in captions:
        figure.text(margin, 1 - height_so_far / total, line, fontsize=7, color=FAINT, va="top")
        height_so_far += 0.135
    for number, line in enumerate(reversed(notes)):
        figure.text(margin, (0.04 + 0.115 * number) / total, line, fontsize=6.5, color=FAINT, va="bottom")
    if handles:
        legend_box = figure.legend(
            handles=handles,
            loc="upper left",
            bbox_to_anchor=(margin, 1 - (height_so_far + 0.03) / total),
            ncols=legend_columns,
            columnspacing=1.4,
            labelspacing=0.25,
        )
        legend_box.set_in_layout(False)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=sharex, sharey=sharey)
    for number in range(count, rows * columns):
        axes[divmod(number, columns)].remove()
        axes[divmod(number, columns)] = None
    for column in range(columns):
        below = [axes[row, column] for row in range(rows) if axes[row, column] is not None]
        if below:
            below[-1].xaxis.set_tick_params(labelbottom=True)
    return Frame(figure, axes)


def _lines(text: str, width: int) -> list[str]:
    """A line breaks between facts; within one only where it alone is too long."""
    whole = "\u00a0· ".join(part.replace(" ", "\u00a0") if len(part) <= width else part for part in text.split(" · "))
    return wrap(whole, width)


def name_panel(layout: Frame, axes: Axes, text: str, *, pad: float | None = None) -> None:
    """The title of a panel, on as many lines as its width asks for; `pad` points above it."""
    width = layout.figure.get_figwidth() / layout.axes.shape[1] - 0.35
    axes.set_title("\n".join(wrap(text, max(8, int(width / (LETTER * 1.12))))), pad=pad)


def label_outside(layout: Frame, x: str, y: str) -> None:
    """Axis labels where nothing else is below or to the left."""
    rows, columns = layout.axes.shape
    for row in range(rows):
        for column in range(columns):
            axes = layout.axes[row, column]
            if axes is None:
                continue
            if row == rows - 1 or layout.axes[row + 1, column] is None:
                axes.set_xlabel(x)
            if column == 0:
                axes.set_ylabel(y)


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain_log(axis: Axis) -> None:
    """A logarithmic axis, once its limits are set, whose numbers are written out where they are short: those of
    matplotlib are formulas, which a style with `text.parse_math=False` prints as their source."""
    low, high = sorted(axis.get_view_interval())
    narrow = high < 30 * low

    def major(value: float, position: int) -> str:
        return f"{value:g}" if 1e-3 <= value < 1e4 else "10" + str(round(math.log10(value))).translate(_RAISED)

    def minor(value: float, position: int) -> str:
        digit = round(value / 10 ** math.floor(math.log10(value) + 1e-9))
        return f"{value:g}" if narrow and digit in (2, 5) and 1e-3 <= value < 1e4 else ""

    axis.set_major_formatter(FuncFormatter(major))
    axis.set_minor_formatter(FuncFormatter(minor))


def handle(text: str, look: Look, *, mark: bool = False) -> Line2D:
    """Of a line in a legend, or of a mark."""
    if mark:
        return dot(text, look.colour, look.marker, size=None)
    return Line2D([], [], color=look.colour, label=text, linestyle=look.dash)


def dot(text: str, colour: str, marker: str = "o", *, size: float | None = 4, face: str | None = None) -> Line2D:
    """Of a mark in a legend. `size`: in points; None: that of marks on a line. `face`: None: its colour."""
    return Line2D(
        [], [], color=colour, label=text, linestyle="none", marker=marker, markersize=size, markerfacecolor=face
    )


def cross() -> Line2D:
    """The mark of a run that diverged."""
    return Line2D(
        [], [], color=FAINT, label="diverged", linestyle="none", marker="X", markersize=6, markeredgecolor="white"
    )


def kind_handles(byzantine: bool = True) -> list[Line2D]:
    """Honest and Byzantine, drawn alike in every figure."""
    honest = Line2D([], [], color=HONEST, label="honest")
    liars = Line2D([], [], color=BYZANTINE, linestyle=(0, (4, 1.5)), label="Byzantine")
    return [honest, liars] if byzantine else [honest]


def remark(axes: Axes, text: str) -> None:
    """In place of data that do not exist."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=FAINT, fontsize=7.5)


def more(left_out: int) -> str:
    return f"{left_out} more setting{'s' if left_out > 1 else ''} not drawn" if left_out > 0 else ""


def left_out(why: str, names: Sequence[str]) -> str:
    """Which panels or servers a figure does without; nothing where there are none."""
    few = "; ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    return f"{why}: {few}" if names else ""


def briefly(comparison: Comparison, groups: Sequence[Group]) -> list[str]:
    """Names of groups: a server alone where all of its groups are among them."""
    hue = arrange(comparison).hue
    if hue is None:
        return []
    names = []
    for value in comparison.values(hue):
        own = [group for group in comparison.groups if group.values[hue] == value]
        members = [group for group in own if any(group is each for each in groups)]
        whole = len(members) == len(own)
        names += [own[0].label([hue])] if whole else [group.label(comparison.keys) for group in members]
    return names


def inside(axes: Axes, x: float, y: float) -> tuple[float, float]:
    """A point in a panel, as shares of its sides, from which a mark does not reach the axes."""
    point = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    return float(np.clip(point[0], MARGIN, 1 - MARGIN)), float(np.clip(point[1], MARGIN, 1 - MARGIN))
