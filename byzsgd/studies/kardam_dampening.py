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

from .finding import Finding, Results, of_runs, unclaimed

LOSS = "test_loss"
CHOOSES = "train_loss"  # the metric that chooses each step mass: not the one that is reported
DAMPING = "aggregator/damping"


def findings(results: Results) -> Iterator[Finding]:
    """For each clock: the loss of every damping at its best step mass, less that of no damping at its own, paired."""
    for clock in results.values("delay"):
        base = _best(results, clock, "none")
        yield unclaimed(f"{clock}, no damping at step mass {mass_of(base):.2g}: test loss", _loss(base))
        for damping in results.values(DAMPING):
            if damping != "none":
                best = _best(results, clock, damping)
                what = f"{clock}, {damping} at step mass {mass_of(best):.2g}: test loss less that of no damping"
                gain = difference(best, base, LOSS)
                yield Finding(what, "< 0", gain.text(4, sign=True), gain.high < 0, gain.count)


def mass_of(group: Group) -> float:
    """The step mass of the runs of a group: lr · E[Λ] · updates/arrivals."""
    return of_runs([group], lambda run: float(run.config["optimizer"]["lr"]) * rate(run)).middle


def _best(results: Results, clock: object, damping: object) -> Group:
    groups = results.groups({"delay": clock, DAMPING: damping})
    return min(groups, key=lambda group: of_runs([group], lambda run: outcome(run, CHOOSES)).middle)


def _loss(group: Group) -> Estimate:
    def number(run: Recorded) -> float:
        return outcome(run, LOSS)

    return of_runs([group], number)


def figures(results: Results) -> dict[str, Figure]:
    panels = []
    for clock in results.values("delay"):
        panel = Panel(str(clock))
        for damping in results.values(DAMPING):
            for group in results.groups({"delay": clock, DAMPING: damping}):
                panel.add(str(damping), mass_of(group), _loss(group))
        panels.append(panel)
    return {
        "loss": points("Test loss against step mass, by damping", results.comparison.caption(), panels,
                       x="step mass", y="test loss", log_x=True, log_y=True),
    }  # fmt: skip
