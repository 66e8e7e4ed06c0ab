"""The time of an iteration, for comparisons of schemes, and the setting against which it is drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import polars as pl

from .groups import Comparison, Recorded

# The possible x axes: label -> paths of the setting in a configuration, of which the first that exists counts.
AGAINST: Mapping[str, tuple[str, ...]] = {
    "stragglers tolerated s": ("scheme.stragglers", "scheme.code.stragglers"),
    "slowness of the slow workers": ("delay.heterogeneity.factor", "delay.slow"),
    "seconds of a message": ("delay.communication.per_message",),
    "latency of a message (s)": ("delay.communication.latency",),
    "bandwidth (bits/s)": ("delay.communication.bandwidth",),
    "workers N": ("num_workers",),
}


def seconds_per_update(run: Recorded) -> float:
    """The mean virtual seconds between two updates, from time 0; inf: there was none."""
    times = run.arrivals.filter(pl.col("updated"))["time"]
    return float(times[-1]) / len(times) if len(times) else math.inf


def scheme_of(run: Recorded) -> str:
    """The scheme of a run and its code in words; with a server, the server."""
    scheme, code = run.choices.get("scheme", "server"), run.choices.get("scheme/code")
    if scheme == "server":
        return str(run.choices.get("aggregator", scheme)).replace("_", " ")
    if scheme != "coded":
        return {"ring_allreduce": "ring all-reduce"}.get(scheme, scheme)
    if code == "none":
        return "ignoring stragglers" if value_of(run, ("scheme.code.stragglers",)) else "uncoded"
    return f"coded, {code}".replace("_", " ")


def value_of(run: Recorded, paths: Sequence[str]) -> float | None:
    """The number at the first of these paths that exists in a run's configuration; None: none does."""
    for path in paths:
        node: object = run.config
        for name in path.split("."):
            node = node.get(name) if isinstance(node, Mapping) else None
        if isinstance(node, int | float) and not isinstance(node, bool):
            return float(node)
    return None


def varied(comparison: Comparison) -> str | None:
    """The label in AGAINST whose setting takes the most values under one scheme; None: no such setting varies."""
    values: dict[str, dict[str, set[float | None]]] = {name: {} for name in AGAINST}
    for run in comparison.runs:
        for name, paths in AGAINST.items():
            values[name].setdefault(scheme_of(run), set()).add(value_of(run, paths))
    counts = {name: max(map(len, of_schemes.values())) for name, of_schemes in values.items()}
    name = max(counts, key=lambda each: counts[each])
    return name if counts[name] > 1 else None
