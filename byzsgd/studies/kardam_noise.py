"""Whether Kardam's filters add noise to the direction, and how refused vectors differ from accepted ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import polars as pl
from matplotlib.figure import Figure

from byzsgd.analysis.groups import Group, named_parts
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import Panel, points

from .finding import Finding, Results, at_least, of_runs, unclaimed

WITHIN = 0.05  # the loss of cosine against no filters that does not yet count as noise
ORDER = ("none", "lipschitz", "frequency", "both")


def findings(results: Results) -> Iterator[Finding]:
    for attack in results.values("attack"):
        groups = {_filters(group): group for group in results.groups({"attack": attack})}
        free = of_runs([groups["none"]], median_of("direction_cosine")) if "none" in groups else None
        for name in ORDER:
            if name not in groups:
                continue
            what, group = f"{attack}, filters {name}", groups[name]
            cosine = of_runs([group], median_of("direction_cosine"))
            title = f"{what}: cosine of direction and honest mean"
            if free is None or name == "none":
                yield unclaimed(title, cosine, digits=2)
            else:
                yield at_least(title, free.middle - WITHIN, cosine)
            yield unclaimed(f"{what}: κ", of_runs([group], median_of("kappa")), digits=2)
            if name != "none":
                norms = of_runs([group], refused_over_accepted)
                yield unclaimed(f"{what}: mean norm of refused honest vectors over accepted", norms, digits=2)


def median_of(column: str) -> Callable[[Recorded], float]:
    """A function from a run to the median of a column over its updates; NaN: the column was not measured."""

    def number(run: Recorded) -> float:
        if column not in run.arrivals.columns:
            return math.nan
        value = run.arrivals.filter(pl.col("updated"))[column].drop_nulls().median()
        return math.nan if value is None else float(value)  # type: ignore[arg-type]

    return number


def refused_over_accepted(run: Recorded) -> float:
    """The mean norm of refused honest vectors, divided by that of accepted ones."""
    honest = run.arrivals.filter(~pl.col("byzantine"))
    refused, kept = (honest.filter(pl.col("accepted") == which)["norm"].mean() for which in (False, True))
    return math.nan if refused is None or not kept else float(refused) / float(kept)  # type: ignore[arg-type]


def _filters(group: Group) -> str:
    names = named_parts(group.runs[0], "filters")
    return "both" if len(names) > 1 else "".join(names) or "none"


def figures(results: Results) -> dict[str, Figure]:
    panels = []
    for attack in results.values("attack"):
        panel = Panel(f"attack {attack}")
        for group in results.groups({"attack": attack}):
            name = _filters(group)
            panel.add(name, ORDER.index(name), of_runs([group], median_of("direction_cosine")))
        panels.append(panel)
    return {
        "cosine": points("Cosine of the direction with the honest mean", results.comparison.caption(), panels,
                         x="number of the legend, from 0", y="median cosine"),
    }  # fmt: skip
