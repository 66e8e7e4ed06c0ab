"""How many liars, and how different the workers' data: what is left under the worst attack."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from byzsgd.analysis.estimates import estimate
from byzsgd.analysis.groups import Comparison, by_label, phrase
from byzsgd.analysis.outcomes import outcome
from byzsgd.plotting.cells import CELL_HEIGHT, CELL_WIDTH, cells, colour_bar
from byzsgd.plotting.declaration import Need, differing, figure
from byzsgd.plotting.panels import beside, frame, more
from byzsgd.plotting.style import styled

MOST_PANELS = 12


def _keys(comparison: Comparison) -> tuple[str | None, tuple[str, ...]]:
    """What the columns are, and what the rows."""
    across = next((key for key in ("num_byzantine", "f") if key in comparison.keys), None)
    return across, tuple(key for key in comparison.keys if key.startswith("partition"))


@figure(
    Need(
        "runs with different numbers of liars and different partitions",
        lambda comparison: all(_keys(comparison)),
        differing,
    )
)
def worst_case(comparison: Comparison, *, metric: str = "test_accuracy") -> Figure:
    """Number of liars (or declared f) × heterogeneity of the data, as in byzfl: in each cell the attack that leaves the
    least accuracy (median over seeds, a diverged run the worst) and its name. Other settings make panels, servers
    first."""
    keys = comparison.keys
    across, data = str(_keys(comparison)[0]), _keys(comparison)[1]
    rest = comparison.besides(across, "attack" if "attack" in keys else None, *data)
    panels = by_label(comparison.groups, rest)
    rows = list(by_label(comparison.groups, data))
    columns = comparison.values(across)
    visible = list(panels.items())[:MOST_PANELS]
    with styled():
        side = CELL_WIDTH * len(columns) + 0.4 + 0.065 * max(len(name) for name in rows)
        layout = frame(
            "Final test accuracy under the worst attack",
            ["median over the seeds", more(len(panels) - len(visible))],
            comparison.caption(),
            count=len(visible),
            columns=min(1 if len(visible) == 1 else 2, beside(side)),
            height=CELL_HEIGHT * len(rows) + 0.5 + (0.2 if rest else 0),
            width=max(3.5, side * min(1 if len(visible) == 1 else 2, beside(side)) + 0.55),
        )
        for axes, groups in layout.panels(visible):
            values = np.full((len(rows), len(columns)), np.nan)
            notes = [[""] * len(columns) for _ in rows]
            for group in groups:
                row, column = rows.index(group.label(data)), columns.index(group.values[across])
                middle = estimate(outcome(run, metric) for run in group.runs).middle
                if not values[row, column] <= middle:
                    values[row, column] = middle
                    notes[row][column] = phrase("attack", group.values["attack"]) if "attack" in keys else ""
            cells(axes, values, rows, [str(value) for value in columns], notes=notes)
            axes.set_xlabel("Byzantine workers" if across == "num_byzantine" else "declared f")
        colour_bar(layout, 0.0, 1.0, metric.replace("_", " "))
    return layout.figure
