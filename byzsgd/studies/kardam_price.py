"""What Kardam's filters cost where nobody lies.

A server without filters is the twin: the same buffer, damping and step. `both` is Kardam.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product

from matplotlib.figure import Figure

from byzsgd.analysis.groups import Group, facts, named_parts
from byzsgd.analysis.outcomes import accepted
from byzsgd.analysis.slowdown import slowdown
from byzsgd.plotting import Panel, points

from .finding import Finding, Found, at_most, near, of_runs, told

# The share of vectors that pass, of n and f, were coefficients exchangeable and arrivals memoryless.
SHARES: Mapping[str, Callable[[int, int], float]] = {
    "lipschitz": lambda n, f: 1 - f / n,
    "frequency": lambda n, f: 1 - 2 * f / n,
    "both": lambda n, f: (1 - f / n) * (1 - 2 * f / n),
}
WITHIN = 0.05  # of a share, beside its closed form
WORLDS = ("dataset", "delay", "num_workers")


def findings(found: Found) -> Iterator[Finding]:
    """For every clock, n, f and choice of filters: the share that passes, the price in gradients and in updates."""
    for world, f, filters, group, twin in _filtered(found):
        n = int(str(world["num_workers"]))
        name = f"{world['dataset']}, {world['delay']}, n = {n}, f = {f}, {filters}"
        share = of_runs([group], lambda run: accepted(run, byzantine=False))
        yield near(f"{name}: share accepted", SHARES[filters](n, f), WITHIN, share)
        yield at_most(f"{name}: gradients to the loss", 1 + f / n, slowdown(group, twin))
        yield told(f"{name}: updates to the loss", slowdown(group, twin, "step"), digits=2)


def _filtered(found: Found) -> Iterator[tuple[dict[str, object], int, str, Group, Group]]:
    """Every setting with filters, and its twin without: (dataset, clock and n), f, filters, group, twin."""
    names = {id(group): _filters(group) for group in found.comparison.groups}
    for world in _worlds(found):
        groups = found.groups(world)
        twin = next((group for group in groups if not names[id(group)]), None)
        for group in groups:
            if names[id(group)] and twin is not None:
                yield world, int(facts(group.runs[0])["f"]), names[id(group)], group, twin


def _worlds(found: Found) -> Iterator[dict[str, object]]:
    known = [facts(group.runs[0]) for group in found.comparison.groups]
    values = [list(dict.fromkeys(each[key] for each in known)) for key in WORLDS]
    for world in product(*values):
        yield dict(zip(WORLDS, world, strict=True))


def _filters(group: Group) -> str:
    names = named_parts(group.runs[0], "filters")
    return "both" if len(names) > 1 else "".join(names)


def figures(found: Found) -> dict[str, Figure]:
    shares: dict[str, Panel] = {}
    prices: dict[str, Panel] = {}
    for world, f, filters, group, twin in _filtered(found):
        n = int(str(world["num_workers"]))
        title = f"{world['dataset']}, {world['delay']}, n\u00a0=\u00a0{n}"
        share = shares.setdefault(title, Panel(title))
        share.add(filters, f, of_runs([group], lambda run: accepted(run, byzantine=False)))
        share.claim(filters, f, SHARES[filters](n, f))
        price = prices.setdefault(title, Panel(title))
        price.add(filters, f, slowdown(group, twin))
        price.claim("1 + f/n", f, 1 + f / n)
    caption = found.comparison.caption()
    return {
        "accepted": points("Share of honest vectors that pass", caption, list(shares.values()),
                           x="declared f", y="share accepted"),
        "price": points("Gradients to the loss, over those of the server without filters", caption,
                        list(prices.values()), x="declared f", y="times as many", log_y=True),
    }  # fmt: skip
