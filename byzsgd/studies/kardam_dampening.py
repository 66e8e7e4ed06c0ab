"""Whether damping stale gradients gains anything beyond a smaller step."""

from __future__ import annotations

from collections.abc import Iterator

from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate
from byzsgd.analysis.groups import Group
from byzsgd.analysis.outcomes import outcome
from byzsgd.analysis.paired import difference
from byzsgd.analysis.protocol import rate
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import Panel, points

from .finding import Finding, Found, of_runs, told

LOSS = "test_loss"
CHOOSES = "train_loss"  # the step mass of each damping: not the loss that is reported
DAMPING = "aggregator/damping"


def findings(found: Found) -> Iterator[Finding]:
    """By clock: every damping at its best step mass, and its paired difference to none at its own best."""
    for clock in found.values("delay"):
        base = _best(found, clock, "none")
        yield told(f"{clock}, no damping at step mass {mass_of(base):.2g}: test loss", _loss(base))
        for damping in found.values(DAMPING):
            if damping != "none":
                best = _best(found, clock, damping)
                what = f"{clock}, {damping} at step mass {mass_of(best):.2g}: test loss less that of no damping"
                gain = difference(best, base, LOSS)
                yield Finding(what, "< 0", gain.text(4, sign=True), gain.high < 0, gain.count)


def mass_of(group: Group) -> float:
    """The step mass that the runs had: lr · E[Λ] · updates/arrivals."""
    return of_runs([group], lambda run: float(run.config["optimizer"]["lr"]) * rate(run)).middle


def _best(found: Found, clock: object, damping: object) -> Group:
    groups = found.groups({"delay": clock, DAMPING: damping})
    return min(groups, key=lambda group: of_runs([group], lambda run: outcome(run, CHOOSES)).middle)


def _loss(group: Group) -> Estimate:
    def number(run: Recorded) -> float:
        return outcome(run, LOSS)

    return of_runs([group], number)


def figures(found: Found) -> dict[str, Figure]:
    panels = []
    for clock in found.values("delay"):
        panel = Panel(str(clock))
        for damping in found.values(DAMPING):
            for group in found.groups({"delay": clock, DAMPING: damping}):
                panel.add(str(damping), mass_of(group), _loss(group))
        panels.append(panel)
    return {
        "loss": points("Test loss against step mass, by damping", found.comparison.caption(), panels,
                       x="step mass", y="test loss", log_x=True, log_y=True),
    }  # fmt: skip
