"""Which votes of signs still learn if every worker has a single label."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.groups import Group
from byzsgd.analysis.outcomes import outcome
from byzsgd.plotting import progress

from .finding import Finding, Results, at_least, of_runs, setting, unclaimed

LOSS = 0.05  # the loss of accuracy against whole gradients at which a vote still counts as good
UNCOMPRESSED = "whole gradients"


def findings(results: Results) -> Iterator[Finding]:
    """Stochastic signs, compared with whole gradients; plain signs, for which there is no claim."""
    reached = {
        (setting(group, "partition"), name_of(group)): of_runs([group], lambda run: outcome(run))
        for group in results.comparison.groups
    }
    for (partition, name), accuracy in reached.items():
        what, whole = f"{partition}, {name}: accuracy", reached.get((partition, UNCOMPRESSED))
        claimed = name.startswith("stochastic signs, b = max") and whole is not None
        yield (
            at_least(what, whole.middle - LOSS, accuracy, digits=3) if claimed and whole else unclaimed(what, accuracy)
        )


def name_of(group: Group) -> str:
    """The message of a worker and the feedback of the server, in words."""
    if setting(group, "aggregator") == "mean":
        return UNCOMPRESSED
    bound, feedback = setting(group, "compressor.bound"), setting(group, "aggregator.feedback")
    kind = "signs" if bound == 0 else f"stochastic signs, b = {bound}"
    return f"{kind}, feedback {feedback}" if feedback else kind


def figures(results: Results) -> dict[str, Figure]:
    return {"accuracy": progress(results.comparison), "bits": progress(results.comparison, x="bits")}
