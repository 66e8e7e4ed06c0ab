"""Seconds of an iteration with stragglers: CodedReduce beside a ring, a master and gradient coding."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.estimates import estimate
from byzsgd.analysis.paired import pairs
from byzsgd.analysis.rounds import scheme_of, seconds_per_update
from byzsgd.plotting import iteration_time

from .finding import Finding, Results, near, of_runs, unclaimed

PUBLISHED = {"coded, cyclic mds": 27.2, "ring all-reduce": 7.0}  # times as long as the tree, at most
SHARE = 0.1  # the largest relative difference from a published number at which the claim holds


def findings(results: Results) -> Iterator[Finding]:
    groups = {scheme_of(group.runs[0]): group for group in results.comparison.groups}
    for name, group in groups.items():
        yield unclaimed(f"{name}: seconds of an iteration", of_runs([group], seconds_per_update), digits=2)
        if name != "tree" and "tree" in groups:
            both = pairs(group, groups["tree"])
            ratio = estimate(seconds_per_update(run) / seconds_per_update(other) for run, other in both)
            what, claimed = f"{name}: times as long as the tree", PUBLISHED.get(name)
            yield unclaimed(what, ratio, digits=2) if claimed is None else near(what, claimed, SHARE * claimed, ratio)


def figures(results: Results) -> dict[str, Figure]:
    return {"seconds": iteration_time(results.comparison)}
