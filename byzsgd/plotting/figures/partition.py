"""Who holds which data: the classes of every worker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from byzsgd.analysis.groups import Comparison
from byzsgd.plotting.cells import shades
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import frame
from byzsgd.plotting.style import FAINT, nominal_looks, styled

FEW_CLASSES = 10
MOST_WORKERS = 60


def examples_by_class(
    counts: np.ndarray,  # (n, classes) examples of each class at each worker
    *,
    class_names: Sequence[str] = (),
    byzantine: Sequence[int] = (),
    caption: str = "",
) -> Figure:
    """Bars of examples by class, one for each worker, where there are up to ten classes; else a matrix of shares."""
    counts = np.asarray(counts)
    workers, classes = counts.shape
    names = list(class_names) or [str(number) for number in range(classes)]
    left_out = max(0, workers - MOST_WORKERS)
    rows = counts[:MOST_WORKERS]
    facts = [
        caption,
        f"{int(counts.sum())} examples",
        "B: Byzantine" if len(byzantine) else "",
        f"{left_out} more workers not drawn" if left_out else "",
    ]
    few = classes <= FEW_CLASSES
    with styled():
        looks = nominal_looks(names)
        hatches = [""] * 8 + ["///"] * classes
        layout = frame(
            "Examples of each worker by class" if few else "Share of each class in a worker's examples",
            facts,
            legend=[
                Patch(facecolor=look.colour, hatch=hatch, edgecolor="white", linewidth=0, label=name)
                for look, hatch, name in zip(looks, hatches, names, strict=False)
            ]
            if few
            else [],
            height=0.5 + 0.115 * len(rows),
            width=3.5 if few else 7.16,
        )
        axes = layout.axes[0, 0]
        if few:
            floor = np.zeros(len(rows))
            for number in range(classes):
                axes.barh(range(len(rows)), rows[:, number], left=floor, height=0.8, color=looks[number].colour,
                          hatch=hatches[number], edgecolor="white", linewidth=0.3)  # fmt: skip
                floor = floor + rows[:, number]
            axes.set_xlabel("examples")
            axes.set_ylim(len(rows) - 0.4, -0.6)
            axes.grid(visible=False, axis="y")
        else:
            totals = np.maximum(rows.sum(axis=1, keepdims=True), 1)
            image = axes.imshow(rows / totals, cmap=shades(), vmin=0, aspect="auto", interpolation="nearest")
            layout.figure.colorbar(image, ax=axes, pad=0.01, fraction=0.03)
            axes.set_xlabel("class")
            axes.set_xticks(range(0, classes, max(1, classes // 20)), names[:: max(1, classes // 20)])
            axes.grid(visible=False)
        axes.set_ylabel("worker")
        every = 1 if len(rows) <= 20 else 5
        axes.set_yticks(range(0, len(rows), every))
        for worker in byzantine:
            if worker < len(rows):
                axes.text(1.005, worker, "B", transform=axes.get_yaxis_transform(), va="center", fontsize=5.5,
                          color=FAINT)  # fmt: skip
    return layout.figure


@figure(a_run("runs that recorded class_counts", lambda run: run.info.get("class_counts")))
def partition(comparison: Comparison) -> Figure:
    """The partition of the first run that recorded its `class_counts`."""
    run = next(run for run in comparison.runs if run.info.get("class_counts"))
    return examples_by_class(
        np.asarray(run.info["class_counts"]),
        class_names=run.info.get("class_names") or (),
        byzantine=run.info.get("byzantine_ids") or (),
        caption=f"{run.choices.get('dataset', '')} · {run.choices.get('partition', '')} partition",
    )
