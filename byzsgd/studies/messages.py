"""Votes of signs where every worker has one label: which of them still learn."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.groups import Group
from byzsgd.analysis.outcomes import outcome
from byzsgd.plotting import progress

from .finding import Finding, Found, at_least, of_runs, setting, told

LOSS = 0.05  # of accuracy, that a vote may lose against whole gradients and still be called as good
UNCOMPRESSED = "whole gradients"


def findings(found: Found) -> Iterator[Finding]:
    """Stochastic signs beside whole gradients; plain signs, which nobody says to learn here, are told."""
    reached = {
        (setting(group, "partition"), name_of(group)): of_runs([group], lambda run: outcome(run))
        for group in found.comparison.groups
    }
    for (partition, name), accuracy in reached.items():
        what, whole = f"{partition}, {name}: accuracy", reached.get((partition, UNCOMPRESSED))
        claimed = name.startswith("stochastic signs, b = max") and whole is not None
        yield at_least(what, whole.middle - LOSS, accuracy, digits=3) if claimed and whole else told(what, accuracy)


def name_of(group: Group) -> str:
    """What a worker sends, and what the server gives back."""
    if setting(group, "aggregator") == "mean":
        return UNCOMPRESSED
    bound, feedback = setting(group, "compressor.bound"), setting(group, "aggregator.feedback")
    kind = "signs" if bound == 0 else f"stochastic signs, b = {bound}"
    return f"{kind}, feedback {feedback}" if feedback else kind


def figures(found: Found) -> dict[str, Figure]:
    return {"accuracy": progress(found.comparison), "bits": progress(found.comparison, x="bits")}
