"""The least squares of THROTTLE's paper: how far eight methods are from the optimum after 32,000 gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from matplotlib.figure import Figure

from byzsgd.analysis.estimates import Estimate
from byzsgd.analysis.groups import Group, diverged, facts
from byzsgd.analysis.recorded import Recorded
from byzsgd.plotting import Panel, points

from .finding import Finding, Results, of_runs

PUBLISHED: Mapping[str, float] = {  # the published tails; there is none for Kardam
    "minibatch": 3.46e-3, "asgd": 1.37e-4, "throttle 1.1": 7.1e-6, "throttle 1.5": 2.6e-6, "μ²-SGD": 1.8e-2,
    "basgd": 8.9e-3, "basgdm": 7.0e-3,
}  # fmt: skip
FACTOR = 1.5  # the largest ratio to the published tail, either way, at which the claim holds


def findings(results: Results) -> Iterator[Finding]:
    """Of every method its best step over all instances of the problem, and the tail there."""
    for method, tails in _tails(results).items():
        lr, reached = min(tails.items(), key=lambda each: each[1].middle)
        published = PUBLISHED.get(method)
        holds = None if published is None else abs(math.log(reached.middle / published)) <= math.log(FACTOR)
        measured = f"{reached.middle:.2e} ({reached.low:.2e} … {reached.high:.2e})"
        yield Finding(f"{method}, lr {lr:g}: tail", f"{published:.2e}" if published else "", measured, holds,
                      reached.count)  # fmt: skip


def _tails(results: Results) -> dict[str, dict[float, Estimate]]:
    """By method and learning rate, over instances and seeds."""
    groups: dict[tuple[str, float], list[Group]] = {}
    for group in results.comparison.groups:
        lr = float(group.runs[0].config["optimizer"]["lr"])
        groups.setdefault((method_of(group), lr), []).append(group)
    tails: dict[str, dict[float, Estimate]] = {}
    for (method, lr), same in groups.items():
        tails.setdefault(method, {})[lr] = of_runs(same, tail)
    return tails


def method_of(group: Group) -> str:
    """The name of a method in the paper."""
    values = facts(group.runs[0])
    server, worker = values["aggregator"], values["worker"]
    if server == "throttle":
        return f"throttle {values['aggregator.growth']}"
    if worker == "storm":
        return "μ²-SGD"
    if worker == "momentum":
        return f"{server}m"
    return "minibatch" if server == "sum" else str(server)


def tail(run: Recorded) -> float:
    """The mean suboptimality over the last tenth of the evaluations; inf: the run diverged."""
    values = run.metrics["suboptimality"].drop_nulls()
    if diverged(run) or not len(values):
        return math.inf
    return float(values.tail(max(1, len(values) // 10)).mean())  # type: ignore[arg-type]


def figures(results: Results) -> dict[str, Figure]:
    panel = Panel("")
    for method, tails in _tails(results).items():
        for lr, reached in tails.items():
            panel.add(method, lr, reached)
    note = results.comparison.caption("each run has an instance and a seed of its own")
    return {
        "tails": points("Suboptimality over the last tenth", note, [panel], x="learning rate",
                        y="tail", log_x=True, log_y=True),
    }  # fmt: skip
