"""Gossip on a ring of eight: models of a few bits, and data that differ between nodes."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.groups import Group
from byzsgd.analysis.outcomes import outcome
from byzsgd.plotting import progress

from .finding import Finding, Found, at_least, of_runs, setting, told

LOSS = 0.02  # of accuracy, that is still the same rate
WHOLE = "d_psgd, whole models"


def findings(found: Found) -> Iterator[Finding]:
    """Accuracy of the mean model and of the worst node, beside those of whole models on the same data."""
    for partition in found.values("partition"):
        groups = {name_of(group): group for group in found.groups({"partition": partition})}
        for metric, what in (("test_accuracy", "mean model"), ("worst_accuracy", "worst node")):
            reached = {
                name: of_runs([group], lambda run, metric=metric: outcome(run, metric))
                for name, group in groups.items()
            }
            for name, accuracy in reached.items():
                title = f"{partition}, {name}: accuracy of the {what}"
                if name == WHOLE:
                    yield told(title, accuracy)
                else:
                    yield at_least(title, reached[WHOLE].middle - LOSS, accuracy, digits=3)


def name_of(group: Group) -> str:
    scheme, bits = setting(group, "scheme"), setting(group, "scheme.exchange.bits")
    return f"{scheme}, {bits} bits" if bits else f"{scheme}, whole models"


def figures(found: Found) -> dict[str, Figure]:
    return {
        "accuracy": progress(found.comparison, metric="worst_accuracy"),
        "consensus": progress(found.comparison, metric="consensus"),
    }
