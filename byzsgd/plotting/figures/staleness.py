"""How old the vectors are on arrival: the distribution of staleness, honest and Byzantine."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from byzsgd.analysis.groups import Comparison, Recorded, by_label
from byzsgd.plotting.declaration import a_run, figure
from byzsgd.plotting.panels import briefly, frame, kind_handles, label_outside, left_out, more
from byzsgd.plotting.style import BYZANTINE, HONEST, styled

MOST_PANELS = 12
MOST_BARS = 60


def _late(run: Recorded) -> bool:
    return bool((run.arrivals["staleness"] > 0).any())


@figure(a_run("vectors that came after an update", _late), columns=("staleness", "byzantine"))
def staleness(comparison: Comparison) -> Figure:
    """Share of the vectors of each kind that arrived with each staleness, all seeds together; the dotted lines are the
    means. Settings under which nothing is stale, and those that repeat the panel of another, are left out."""
    panels, together = _panels(comparison)
    ages = {title: tuple(_ages(runs, liars) for liars in (False, True)) for title, runs in panels.items()}
    fresh = [title for title, pair in ages.items() if not any(age.any() for age in pair)]
    never = [group for group in comparison.groups if not any(_late(run) for run in group.runs)]
    late = {title: pair for title, pair in ages.items() if title not in fresh}
    first: dict[tuple[bytes, ...], str] = {}
    for title, pair in late.items():
        first.setdefault(tuple(np.sort(age).tobytes() for age in pair), title)
    repeats = [title for title in late if title not in first.values()]
    alone = list(first.values())
    titles = alone[:MOST_PANELS]
    bars = _edges([np.concatenate(late[title]) for title in titles])
    largest = max(int(age.max()) for title in titles for age in late[title] if len(age))
    with styled():
        layout = frame(
            "Staleness of the delivered vectors",
            [
                f"dotted: mean; largest: {largest}",
                together,
                left_out("nothing stale", briefly(comparison, never)),
                left_out("repeat another", repeats),
                more(len(alone) - len(titles)),
            ],
            comparison.caption(),
            count=len(titles),
            legend=[
                Patch(color=HONEST, alpha=0.35, linewidth=0, label="honest"),
                *kind_handles()[1 : 1 + any(len(late[title][1]) for title in titles)],
            ],
            height=2.1 if len(titles) == 1 else 1.6,
        )
        for axes, kinds in layout.panels((title, late[title]) for title in titles):
            for liars, of_kind in enumerate(kinds):
                _draw(axes, of_kind, bars, liars=bool(liars))
        layout.axes[0, 0].set_xlim(bars[0] - 0.02 * len(bars), bars[-1])
        layout.axes[0, 0].set_ylim(bottom=0)
        of = "staleness (updates)" if len(titles) > 1 else "staleness (updates since the worker's read)"
        label_outside(layout, of, "share of vectors")
    return layout.figure


def _edges(panels: list[np.ndarray]) -> np.ndarray:
    """Bars of whole numbers up to all but the last two in a thousand of every panel."""
    top = max(1, *(int(np.quantile(ages, 0.998)) + 1 for ages in panels))
    width = max(1, -(-top // MOST_BARS))
    return np.arange(0, top + width + 1, width) - 0.5


def _panels(comparison: Comparison) -> tuple[dict[str, list[Recorded]], str]:
    """Runs by panel. Few attacks change who is late: where there are too many panels, attacks share one."""
    keys, together = comparison.keys, ""
    if len(comparison.groups) > MOST_PANELS and "attack" in keys and len(keys) > 1:
        keys, together = tuple(key for key in keys if key != "attack"), "all attacks together"
    panels = by_label(comparison.groups, keys).items()
    return {title: [run for group in groups for run in group.runs] for title, groups in panels}, together


def _ages(runs: list[Recorded], liars: bool) -> np.ndarray:
    return np.concatenate([run.arrivals.filter(pl.col("byzantine") == liars)["staleness"].to_numpy() for run in runs])


def _draw(axes: Axes, ages: np.ndarray, edges: np.ndarray, *, liars: bool) -> None:
    if not len(ages):
        return
    colour = BYZANTINE if liars else HONEST
    shares = np.histogram(np.minimum(ages, edges[-1]), edges)[0] / len(ages)
    axes.stairs(
        shares, edges, color=colour, fill=not liars, alpha=1 if liars else 0.35, linewidth=1.3,
        linestyle=(0, (4, 1.5)) if liars else "-", zorder=3 if liars else 2,
    )  # fmt: skip
    axes.axvline(float(ages.mean()), color=colour, linestyle=(0, (1, 1.5)), linewidth=1.1, zorder=4)
