"""The common part of the studies of servers under attacks. Each server has the step that is best under its worst
attack, and is compared with itself without attack."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate
from byzsgd.analysis.outcomes import outcome
from byzsgd.analysis.protocol import CONTROLS, MINIMAX
from byzsgd.plotting import heatmap

from .finding import Finding, Results, at_least, of_runs, unclaimed

LOSS = 0.05  # the loss of accuracy to liars at which a server still counts as resilient


def accuracy_of(results: Results, server: object, attack: object) -> Estimate:
    """The final test accuracy of a server under an attack, with the minimax step."""
    groups = results.groups({"aggregator": server, "attack": attack, "step": MINIMAX})
    return of_runs(groups, lambda run: outcome(run, "test_accuracy", results.last))


def resilience(results: Results, claimed: Collection[str]) -> Iterator[Finding]:
    """The accuracy of every server under every attack. A server that is claimed to be resilient may lose `LOSS` against
    no attack."""
    for server in results.values("aggregator"):
        free = accuracy_of(results, server, "none")
        yield unclaimed(f"{server}, none: accuracy", free)
        for attack in results.values("attack"):
            if attack == "none":
                continue
            reached, what = accuracy_of(results, server, attack), f"{server}, {attack}: accuracy"
            judged = server in claimed and attack not in CONTROLS
            yield at_least(what, free.middle - LOSS, reached, digits=3) if judged else unclaimed(what, reached)


def table_of_attacks(results: Results) -> dict[str, Figure]:
    """The heatmap of servers and attacks, for both choices of the step."""
    return {"heatmap": heatmap(results.comparison, metric="test_accuracy", last=results.last)}
