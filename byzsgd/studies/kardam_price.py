"""The cost of Kardam's filters without liars.

The twin is a server without filters, with the same buffer, damping and step. `both` is Kardam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product

from matplotlib.figure import Figure

from byzsgd.analysis.groups import Group, facts, named_parts
from byzsgd.analysis.outcomes import accepted
from byzsgd.analysis.slowdown import slowdown
from byzsgd.plotting import Panel, points

from .finding import Finding, Results, at_most, near, of_runs, unclaimed

# The share of vectors that pass, as a function of n and f, if coefficients are exchangeable and arrivals memoryless.
SHARES: Mapping[str, Callable[[int, int], float]] = {
    "lipschitz": lambda n, f: 1 - f / n,
    "frequency": lambda n, f: 1 - 2 * f / n,
    "both": lambda n, f: (1 - f / n) * (1 - 2 * f / n),
}
WITHIN = 0.05  # the largest difference from the closed form at which the claim holds
WORLDS = ("dataset", "delay", "num_workers")


def findings(results: Results) -> Iterator[Finding]:
    """For every clock, n, f and set of filters: the share that passes, and the slowdown in gradients and in updates."""
    for world, f, filters, group, twin in _filtered(results):
        n = int(str(world["num_workers"]))
        name = f"{world['dataset']}, {world['delay']}, n = {n}, f = {f}, {filters}"
        share = of_runs([group], lambda run: accepted(run, byzantine=False))
        yield near(f"{name}: share accepted", SHARES[filters](n, f), WITHIN, share)
        yield at_most(f"{name}: gradients to the loss", 1 + f / n, slowdown(group, twin))
        yield unclaimed(f"{name}: updates to the loss", slowdown(group, twin, "step"), digits=2)


def _filtered(results: Results) -> Iterator[tuple[dict[str, object], int, str, Group, Group]]:
    """(dataset, clock and n), f, filters, group and twin of every setting with filters."""
    names = {id(group): _filters(group) for group in results.comparison.groups}
    for world in _worlds(results):
        groups = results.groups(world)
        twin = next((group for group in groups if not names[id(group)]), None)
        for group in groups:
            if names[id(group)] and twin is not None:
                yield world, int(group.runs[0].config["f"]), names[id(group)], group, twin


def _worlds(results: Results) -> Iterator[dict[str, object]]:
    of_groups = [facts(group.runs[0]) for group in results.comparison.groups]
    values = [list(dict.fromkeys(each[key] for each in of_groups)) for key in WORLDS]
    for world in product(*values):
        yield dict(zip(WORLDS, world, strict=True))


def _filters(group: Group) -> str:
    names = named_parts(group.runs[0], "filters")
    return "both" if len(names) > 1 else "".join(names)


def figures(results: Results) -> dict[str, Figure]:
    shares: dict[str, Panel] = {}
    prices: dict[str, Panel] = {}
    for world, f, filters, group, twin in _filtered(results):
        n = int(str(world["num_workers"]))
        title = f"{world['dataset']}, {world['delay']}, n\u00a0=\u00a0{n}"
        share = shares.setdefault(title, Panel(title))
        share.add(filters, f, of_runs([group], lambda run: accepted(run, byzantine=False)))
        share.claim(filters, f, SHARES[filters](n, f))
        price = prices.setdefault(title, Panel(title))
        price.add(filters, f, slowdown(group, twin))
        price.claim("1 + f/n", f, 1 + f / n)
    caption = results.comparison.caption()
    return {
        "accepted": points("Share of honest vectors that pass", caption, list(shares.values()),
                           x="declared f", y="share accepted"),
        "price": points("Gradients to the loss, over those of the server without filters", caption,
                        list(prices.values()), x="declared f", y="times as many", log_y=True),
    }  # fmt: skip
