"""What studies of servers and attacks have in common: each server, with the step that is best under its worst attack,
against itself where nobody attacks."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate
from byzsgd.analysis.outcomes import outcome
from byzsgd.analysis.protocol import CONTROLS, MINIMAX
from byzsgd.plotting import heatmap

from .finding import Finding, Found, at_least, of_runs, told

LOSS = 0.05  # of accuracy, that a server may lose to liars and still be called resilient


def accuracy_of(found: Found, server: str, attack: str) -> Estimate:
    """The final test accuracy, with the step of the worst attack."""
    groups = found.groups({"aggregator": server, "attack": attack, "step": MINIMAX})
    return of_runs(groups, lambda run: outcome(run, "test_accuracy", found.last))


def resilience(found: Found, claimed: Collection[str]) -> Iterator[Finding]:
    """Of every server and attack the accuracy; of those that are said to be resilient, beside what they have without
    attack less `LOSS`."""
    for server in found.values("aggregator"):
        free = accuracy_of(found, server, "none")
        yield told(f"{server}, none: accuracy", free)
        for attack in found.values("attack"):
            if attack == "none":
                continue
            reached, what = accuracy_of(found, server, attack), f"{server}, {attack}: accuracy"
            judged = server in claimed and attack not in CONTROLS
            yield at_least(what, free.middle - LOSS, reached, digits=3) if judged else told(what, reached)


def table_of_attacks(found: Found) -> dict[str, Figure]:
    """The heatmap of servers and attacks, for either choice of the step."""
    return {"heatmap": heatmap(found.comparison, metric="test_accuracy", last=found.last)}
