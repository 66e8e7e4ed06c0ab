"""Every defence against every attack in one picture."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from byzsgd.analysis.groups import Comparison, Group, NothingToDraw, phrase
from byzsgd.analysis.outcomes import final

from .cells import CELL_HEIGHT, CELL_WIDTH, cells
from .panels import frame, more, name_panel
from .style import styled

MOST_PANELS = 12
WORST = "worst attack"


def heatmap(comparison: Comparison, *, metric: str = "test_accuracy") -> Figure:
    """Final accuracy, mean over seeds: one row for each server, one column for each attack and, apart, the worst of
    them for that server. A cell says how many of its runs diverged. Other settings make panels."""
    keys = comparison.keys
    if len(keys) < 2:
        raise NothingToDraw(f"a heatmap needs two settings that differ, such as attack and aggregator; got {len(keys)}")
    across = "attack" if "attack" in keys else keys[1]
    down = "aggregator" if "aggregator" in keys and across != "aggregator" else next(k for k in keys if k != across)
    rest = tuple(key for key in keys if key not in (across, down))
    panels: dict[str, list[Group]] = {}
    for group in comparison.groups:
        panels.setdefault(group.label(rest) if rest else "", []).append(group)
    rows, columns = comparison.values(down), comparison.values(across)
    attacks = [column for column in columns if column != "none"]
    worst = across == "attack" and len(attacks) > 1
    shown = list(panels.items())[:MOST_PANELS]
    with styled():
        names = [phrase(down, value) for value in rows]
        margin = 0.25 + 0.065 * max(len(name) for name in names)
        side = CELL_WIDTH * (len(columns) + worst + 0.15) + margin
        made = frame(
            f"{'Final test accuracy' if metric == 'test_accuracy' else metric} of each {_word(down)} "
            f"under each {_word(across)}",
            more(comparison.caption() + " · mean", len(panels) - len(shown)),
            count=len(shown),
            columns=1 if len(shown) == 1 else 2,
            height=CELL_HEIGHT * len(rows) + 0.55 + (0.2 if rest else 0),
            width=max(3.5, side * (1 if len(shown) == 1 else 2)),
        )
        for axes, (title, groups) in zip(made.axes.flat, shown, strict=False):
            values, notes = matrix(groups, down, across, rows, columns, metric)
            if worst:
                under = values[:, [columns.index(attack) for attack in attacks]]
                lowest = [np.nanmin(row) if np.isfinite(row).any() else np.nan for row in under]
                values = np.column_stack([values, lowest])
                notes = [[*row, ""] for row in notes]
            cells(
                axes,
                values,
                names,
                [phrase(across, value) for value in columns] + [WORST] * worst,
                notes=notes,
                apart=int(worst),
                **_range(metric, values),
            )
            if title:
                name_panel(made, axes, title)
    return made.figure


def matrix(
    groups: list[Group], down: str, across: str, rows: list[object], columns: list[object], metric: str
) -> tuple[np.ndarray, list[list[str]]]:
    """Means over the seeds, NaN where there are no runs, and what a cell has to add."""
    values = np.full((len(rows), len(columns)), np.nan)
    notes = [[""] * len(columns) for _ in rows]
    for group in groups:
        row, column = rows.index(group.values[down]), columns.index(group.values[across])
        finals = [final(run, metric) for run in group.runs]
        values[row, column] = float(np.mean(finals))
        if group.diverged:
            notes[row][column] = f"{group.diverged}/{len(group.runs)} diverged" if len(group.runs) > 1 else "diverged"
    return values, notes


def _range(metric: str, values: np.ndarray) -> dict[str, float]:
    if metric.endswith("accuracy"):
        return {"low": 0.0, "high": 1.0}
    known = values[np.isfinite(values)]
    return {"low": float(known.min()), "high": float(known.max())} if len(known) else {}


def _word(key: str) -> str:
    words = {"aggregator": "server", "num_byzantine": "number of liars"}
    return words.get(key, key.replace("/", ".").rpartition(".")[2].replace("_", " "))
