"""Gossip on a ring of eight nodes: models in a few bits, and data that differ between nodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from matplotlib.figure import Figure

from byzsgd.analysis.groups import Group
from byzsgd.analysis.outcomes import outcome
from byzsgd.plotting import consensus, progress

from .finding import Finding, Results, at_least, of_runs, setting, unclaimed

LOSS = 0.02  # the loss of accuracy that still counts as the same rate
WHOLE = "d_psgd, whole models"


def findings(results: Results) -> Iterator[Finding]:
    """The accuracy of the mean model and of the worst node, compared with whole models on the same data."""
    for partition in results.values("partition"):
        groups = {name_of(group): group for group in results.groups({"partition": partition})}
        for metric, what in (("test_accuracy", "mean model"), ("worst_accuracy", "worst node")):
            reached = {name: of_runs([group], partial(outcome, metric=metric)) for name, group in groups.items()}
            for name, accuracy in reached.items():
                title = f"{partition}, {name}: accuracy of the {what}"
                if name == WHOLE:
                    yield unclaimed(title, accuracy)
                else:
                    yield at_least(title, reached[WHOLE].middle - LOSS, accuracy, digits=3)


def name_of(group: Group) -> str:
    scheme, bits = setting(group, "scheme"), setting(group, "scheme.exchange.bits")
    return f"{scheme}, {bits} bits" if bits else f"{scheme}, whole models"


def figures(results: Results) -> dict[str, Figure]:
    return {
        "accuracy": progress(results.comparison, metric="worst_accuracy"),
        "consensus": consensus(results.comparison),
    }
