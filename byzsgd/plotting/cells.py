"""A matrix of numbers as coloured cells, each with its number written in it."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.patches import Rectangle

from byzsgd.analysis.estimates import number
from byzsgd.plotting.panels import Frame
from byzsgd.plotting.style import FAINT, INK

CELL_WIDTH = 0.66  # inches
CELL_HEIGHT = 0.42


def shades() -> Colormap:
    """From light to dark with the number: the order survives a grey printer."""
    return LinearSegmentedColormap.from_list("shades", matplotlib.colormaps["YlGnBu"](np.linspace(0.04, 0.88, 128)))


def colour_bar(layout: Frame, low: float, high: float, label: str) -> None:
    """Beside all panels: which depth is which number."""
    scale = ScalarMappable(Normalize(low, high), shades())
    panels = [axes for axes in layout.axes.flat if axes is not None]
    bar = layout.figure.colorbar(scale, ax=panels, pad=0.02, fraction=0.04, aspect=25)
    bar.set_label(label, fontsize=6.5)
    bar.ax.tick_params(labelsize=6.5)
    bar.outline.set_visible(False)


def cells(
    axes: Axes,
    values: np.ndarray,  # (rows, columns); NaN: no runs; infinite: diverged
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    notes: Sequence[Sequence[str]] | None = None,  # small lines below the number of a cell
    grey: np.ndarray | None = None,  # (rows, columns) booleans: cells between which the picture ranks nothing
    low: float = 0.0,
    high: float = 1.0,
    apart: int = 0,  # the last columns that are a summary of the others
    scale: float = 1.0,  # of letters, where cells are narrower than CELL_WIDTH
) -> None:
    """Draws the matrix; row 0 is on top."""
    colours = shades()
    span = (high - low) or 1.0
    for row in range(len(rows)):
        for column in range(len(columns)):
            x = column + (0.15 if column >= len(columns) - apart else 0.0)
            value = float(values[row, column])
            if np.isnan(value):
                axes.text(x + 0.5, row + 0.5, "–", ha="center", va="center", color=FAINT)
                continue
            depth = min(1.0, max(0.0, (value - low) / span)) if np.isfinite(value) else 0.0
            plain = grey is not None and column < grey.shape[1] and bool(grey[row, column])
            face = str(1 - 0.6 * depth) if plain else colours(depth)
            axes.add_patch(Rectangle((x, row), 1, 1, facecolor=face, edgecolor="white", linewidth=1.2))
            ink = "white" if depth > 0.55 else INK
            note = notes[row][column] if notes else ""
            text = number(value) if np.isfinite(value) else "diverged"
            size = (8 if np.isfinite(value) else 6) * scale
            lines = note.splitlines()
            middle = row + 0.5 - 0.13 * len(lines)
            axes.text(x + 0.5, middle, text, ha="center", va="center", color=ink, fontsize=size)
            for line, words in enumerate(lines):
                axes.text(x + 0.5, middle + 0.09 + 0.22 * (line + 1), words, ha="center", va="center", color=ink,
                          fontsize=5.2 * scale)  # fmt: skip
    axes.set_xlim(0, len(columns) + (0.15 if apart else 0.0))
    axes.set_ylim(len(rows), 0)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    ticks = [column + 0.5 + (0.15 if column >= len(columns) - apart else 0.0) for column in range(len(columns))]
    slanted = max((len(name) for name in columns), default=0) > 9 * scale
    axes.set_xticks(ticks, columns)
    for name in axes.get_xticklabels():
        if slanted:
            name.set(rotation=35, ha="right", rotation_mode="anchor")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
