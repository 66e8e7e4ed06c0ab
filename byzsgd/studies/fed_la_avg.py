"""Intermittent clients with data of their own: the latest gradients of all clients, against those of the present
ones."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate
from byzsgd.analysis.outcomes import outcome
from byzsgd.plotting import progress

from .finding import Finding, Results, at_least, of_runs, unclaimed

LOSS = 0.03  # the loss of accuracy by intermittence that still counts as none


def findings(results: Results) -> Iterator[Finding]:
    for server in results.values("aggregator"):
        always, sometimes = (_accuracy(results, server, name) for name in ("always", "periodic"))
        yield unclaimed(f"{server}, clients always there: accuracy", always)
        what = f"{server}, half of the clients at a time: accuracy"
        claimed = server == "mifa"
        yield at_least(what, always.middle - LOSS, sometimes, digits=3) if claimed else unclaimed(what, sometimes)


def _accuracy(results: Results, server: object, availability: str) -> Estimate:
    groups = results.groups({"aggregator": server, "delay/availability": availability})
    best = max(groups, key=lambda group: of_runs([group], lambda run: -outcome(run, "train_loss")).middle)
    return of_runs([best], lambda run: outcome(run, "test_accuracy", results.last))


def figures(results: Results) -> dict[str, Figure]:
    return {"accuracy": progress(results.comparison, x="arrivals")}
