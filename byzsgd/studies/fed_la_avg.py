"""Intermittent clients with data of their own: latest gradients of all, against whoever is there."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate
from byzsgd.analysis.outcomes import outcome
from byzsgd.plotting import progress

from .finding import Finding, Found, at_least, of_runs, told

LOSS = 0.03  # of accuracy, that intermittence may cost where it is said to cost nothing


def findings(found: Found) -> Iterator[Finding]:
    for server in found.values("aggregator"):
        always, sometimes = (_accuracy(found, server, name) for name in ("always", "periodic"))
        yield told(f"{server}, clients always there: accuracy", always)
        what = f"{server}, half of the clients at a time: accuracy"
        claimed = server == "mifa"
        yield at_least(what, always.middle - LOSS, sometimes, digits=3) if claimed else told(what, sometimes)


def _accuracy(found: Found, server: object, availability: str) -> Estimate:
    groups = found.groups({"aggregator": server, "delay/availability": availability})
    best = max(groups, key=lambda group: of_runs([group], lambda run: -outcome(run, "train_loss")).middle)
    return of_runs([best], lambda run: outcome(run, "test_accuracy", found.last))


def figures(found: Found) -> dict[str, Figure]:
    return {"accuracy": progress(found.comparison, x="arrivals")}
