"""Every defence against every attack in one picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate, estimate, number
from byzsgd.analysis.groups import ABSENT, Comparison, Group, by_label, called, phrase
from byzsgd.analysis.outcomes import measure_of, outcome
from byzsgd.analysis.paired import leaders, testable
from byzsgd.analysis.protocol import CONTROLS
from byzsgd.plotting.cells import CELL_HEIGHT, CELL_WIDTH, cells, colour_bar
from byzsgd.plotting.curves import spread
from byzsgd.plotting.declaration import Need, differing, figure
from byzsgd.plotting.panels import DEFENCES, beside, frame, more
from byzsgd.plotting.style import styled

MOST_PANELS = 12
WORST = "worst attack"
GREY = "grey: not told apart from the best of its column (paired t, Holm, 5 %)"
BAR = 0.55  # inches that the bar of colours takes


@figure(
    Need(
        "two settings that differ, such as attack and aggregator",
        lambda comparison: len(comparison.keys) > 1,
        differing,
    )
)
def heatmap(comparison: Comparison, *, metric: str | None = None, last: int = 1) -> Figure:
    """What is left at the end, median over seeds: one row for each server, on networks for each rule of the nodes, one
    column for each attack and, apart, the worst of them for that row. Other settings, such as graphs, make panels.

    Of each run the mean of its `last` evaluations counts; a diverged run is the worst. In grey: what
    `analysis.paired.leaders` cannot tell apart from the best of its column. `metric=None`: test accuracy, or the test
    loss where the problem knows none.
    """
    keys = comparison.keys
    metric = metric or measure_of(comparison.runs)
    across = "attack" if "attack" in keys else keys[1]
    down = next(key for key in (*(each for each in DEFENCES if each in keys), *keys) if key != across)
    rest = comparison.besides(down, across)
    panels = by_label(comparison.groups, rest)
    rows, columns = comparison.values(down), comparison.values(across)
    attacks = [column for column in columns if column not in CONTROLS]
    worst = across == "attack" and len(attacks) > 1
    ranked = testable(comparison.groups) and len(rows) > 1
    visible = list(panels.items())[:MOST_PANELS]
    with styled():
        names = [_row(comparison, down, value) for value in rows]
        margin = 0.25 + 0.065 * max(len(name) for name in names)
        side = CELL_WIDTH * (len(columns) + worst + 0.15) + margin
        across_page = min(1 if len(visible) == 1 else 2, beside(side))
        width = max(3.5, side * across_page + BAR)
        layout = frame(
            f"{'Final test accuracy' if metric == 'test_accuracy' else metric} of each {_word(down)} "
            f"under each {_word(across)}",
            [
                spread(comparison.groups),
                *_facts(comparison, metric, last, ranked),
                more(len(panels) - len(visible)),
            ],
            comparison.caption(),
            count=len(visible),
            columns=across_page,
            height=CELL_HEIGHT * len(rows) + 0.55 + (0.2 if rest else 0),
            width=width,
        )
        scale = min(1.0, layout.figure.get_figwidth() / width)
        grids = [Grid(groups, down, across, rows, columns) for _, groups in visible]
        estimates = [grid.estimates(metric, last) for grid in grids]
        span = _range(metric, [cell.middle for matrix in estimates for line in matrix for cell in line])
        for axes, (grid, matrix) in layout.panels(zip(panels, zip(grids, estimates, strict=True), strict=False)):
            values = np.array([[cell.middle for cell in line] for line in matrix])
            notes = [[note(cell) for cell in line] for line in matrix]
            if worst:
                under = [columns.index(attack) for attack in attacks]
                least = [_worst(line, under, metric) for line in matrix]
                values = np.column_stack([values, [cell.middle for cell, _ in least]])
                worst_names = ["" if column is None else phrase(across, columns[column]) for _, column in least]
                notes = [[*row, name] for row, name in zip(notes, worst_names, strict=True)]
            cells(
                axes,
                values,
                names,
                [phrase(across, value) for value in columns] + [WORST] * worst,
                notes=notes,
                grey=grid.level(metric, last) if ranked else None,
                apart=int(worst),
                scale=scale,
                low=span[0],
                high=span[1],
            )
        colour_bar(layout, *span, metric.replace("_", " "))
    return layout.figure


def _row(comparison: Comparison, key: str, value: object) -> str:
    """The name of a row, with the settings that follow from it."""
    label = next(group.label(comparison.with_own(key)) for group in comparison.groups if group.values[key] == value)
    return phrase(key, value) if label == ABSENT else label


@dataclass(frozen=True)
class Grid:
    """The groups of a panel by two keys."""

    groups: Sequence[Group]
    down: str
    across: str
    rows: Sequence[object]
    columns: Sequence[object]

    def position(self, group: Group) -> tuple[int, int]:
        return self.rows.index(group.values[self.down]), self.columns.index(group.values[self.across])

    def estimates(self, metric: str, last: int) -> list[list[Estimate]]:
        """What is known of each cell; of no runs where there are none."""
        estimates = [[estimate(()) for _ in self.columns] for _ in self.rows]
        for group in self.groups:
            row, column = self.position(group)
            estimates[row][column] = estimate(outcome(run, metric, last) for run in group.runs)
        return estimates

    def level(self, metric: str, last: int) -> np.ndarray:
        """(rows, columns) booleans: which cells share the first place of their column with others."""
        grey = np.zeros((len(self.rows), len(self.columns)), bool)
        for column in self.columns:
            first = leaders([group for group in self.groups if group.values[self.across] == column], metric, last)
            for group in first if len(first) > 1 else ():
                grey[self.position(group)] = True
        return grey


def note(cell: Estimate) -> str:
    """Below the number of a cell: how far its seeds spread, and how many they are or how many of them are ok."""
    count = cell.count - cell.lost
    spread_of = f"{number(cell.low)} … {number(cell.high)}\n" if count > 1 else ""
    if cell.lost:
        return f"{spread_of}{count}/{cell.count} ok" if cell.count > 1 else ""
    return f"{spread_of}n = {count}" if count > 1 else ""


def _worst(line: Sequence[Estimate], columns: Sequence[int], metric: str) -> tuple[Estimate, int | None]:
    """What the worst of these columns leaves, and which it is; None where none has runs."""
    with_runs = [column for column in columns if not math.isnan(line[column].middle)]
    sign = 1 if metric.endswith("accuracy") else -1
    column = min(with_runs, key=lambda column: sign * line[column].middle, default=None)
    return (estimate(()) if column is None else line[column]), column


def _facts(comparison: Comparison, metric: str, last: int, ranked: bool) -> list[str]:
    parts = []
    if last > 1:
        parts.append(f"mean of the last {last} evaluations")
    counts = {run.info.get("test_examples") for run in comparison.runs}
    if metric == "test_accuracy" and len(counts) == 1 and (examples := counts.pop()):
        finals = [outcome(run, metric, last) for run in comparison.runs]
        finite = [value for value in finals if math.isfinite(value)]
        if finite:
            p = float(np.median(finite))
            error = math.sqrt(p * (1 - p) / examples)
            parts.append(f"{examples} test examples, standard error {number(error)} at {number(p)}")
    if ranked:
        parts.append(GREY)
    return parts


def _range(metric: str, values: Sequence[float]) -> tuple[float, float]:
    """One for all panels, since they are compared by eye."""
    finite = [value for value in values if math.isfinite(value)]
    if metric.endswith("accuracy") or not finite:
        return 0.0, 1.0
    return min(finite), max(finite)


def _word(key: str) -> str:
    return called(key).rpartition(".")[2]
