"""What an iteration takes under each scheme, and how much faster the tree is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from byzsgd.analysis.groups import Comparison, Recorded, phrase
from byzsgd.analysis.rounds import AGAINST, scheme_of, seconds_per_update, value_of, varied
from byzsgd.plotting.declaration import Need, differing, figure
from byzsgd.plotting.panels import frame, handle, label_outside, name_panel, plain_log
from byzsgd.plotting.style import FAINT, Look, nominal_looks, server_looks, styled

Means = dict[str, dict[float | None, float]]  # scheme -> x -> mean over its runs
TREE = "tree"
WHOLE = ("stragglers tolerated s", "workers N")
PUBLISHED = {"ring all-reduce": 7.0, "gradient coding": 27.2}  # speed-ups of arXiv 1902.01981, the largest


@figure(
    Need("runs of several schemes", lambda comparison: len(set(map(scheme_of, comparison.runs))) > 1, differing),
    columns=("updated", "time"),
)
def iteration_time(comparison: Comparison) -> Figure:
    """Left: virtual seconds of an iteration, a line for each scheme, against what varies: the stragglers tolerated, how
    slow the slow workers are, or what a message takes. Right, where a tree is among them: the others' seconds over the
    tree's, with the published speed-ups (Reisizadeh, Prakash, Pedarsani, Avestimehr; arXiv 1902.01981).

    A scheme without the setting that varies, such as a ring against s, is a level line. Where nothing varies: one mark
    for each scheme."""
    names = list(dict.fromkeys(scheme_of(run) for run in comparison.runs))
    against = varied(comparison)
    means = {name: _means(comparison.runs, name, against) for name in names}
    servers = server_looks(str(value) for value in comparison.look_values("aggregator"))
    server_phrases = {phrase("aggregator", name): look for name, look in servers.items()}
    looks = dict(zip(names, nominal_looks(names), strict=True)) if set(names) - set(server_phrases) else server_phrases
    with_tree = TREE in means
    with styled():
        legend = [handle(name, looks[name], mark=against is None) for name in names]
        if with_tree:
            legend.append(Line2D([], [], color=FAINT, linestyle=(0, (1, 1.5)), label="published maxima"))
        layout = frame("Time of an iteration", [], comparison.caption(), count=2 if with_tree else 1, legend=legend,
                     height=2.3, sharex=False, sharey=False)  # fmt: skip
        first = layout.axes[0, 0]
        for rank, name in enumerate(names):
            _line(first, means[name], means, looks[name], rank)
        label_outside(layout, against or "", "virtual seconds")
        if with_tree:
            second = layout.axes[0, 1]
            name_panel(layout, first, "seconds")
            name_panel(layout, second, "seconds over those of the tree")
            for rank, name in enumerate(names):
                if name != TREE:
                    _line(second, _over(means[name], means[TREE]), means, looks[name], rank)
            for name, factor in PUBLISHED.items():
                second.axhline(factor, color=FAINT, linestyle=(0, (1, 1.5)), linewidth=1.0)
                second.annotate(f"{factor:g} over {name}", (1, factor), xycoords=("axes fraction", "data"), ha="right",
                                va="bottom", fontsize=6.5, color=FAINT)  # fmt: skip
            second.set_ylabel("")
        for axes in layout.axes.flat:
            axes.set_yscale("log")
            plain_log(axes.yaxis)
            if against is None:
                axes.set_xticks([])
            elif _wide(means):
                axes.set_xscale("log")
                plain_log(axes.xaxis)
            elif against in WHOLE:
                axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return layout.figure


def _means(runs: tuple[Recorded, ...], name: str, against: str | None) -> dict[float | None, float]:
    paths = AGAINST[against] if against is not None else ()
    seconds_at: dict[float | None, list[float]] = {}
    for run in runs:
        if scheme_of(run) == name:
            seconds_at.setdefault(value_of(run, paths), []).append(seconds_per_update(run))
    if len(seconds_at) == 1:  # a level line: it does not vary here
        seconds_at = {None: next(iter(seconds_at.values()))}
    return {x: float(np.mean(seconds)) for x, seconds in seconds_at.items()}


def _over(one: Mapping[float | None, float], tree: Mapping[float | None, float]) -> dict[float | None, float]:
    """The ratios at every x that both have; what has no x is held against all of the tree's."""
    if None in one and None not in tree:
        return {x: one[None] / seconds for x, seconds in tree.items()}
    return {x: seconds / tree[x] for x, seconds in one.items() if x in tree}


def _line(axes: Axes, points: Mapping[float | None, float], means: Means, look: Look, rank: int) -> None:
    if set(points) == {None}:
        ends = sorted({x for seconds_at in means.values() for x in seconds_at if x is not None})
        if ends:
            axes.plot([ends[0], ends[-1]], [points[None]] * 2, color=look.colour, linestyle=look.dash)
            return
        axes.plot([rank], [points[None]], marker=look.marker, color=look.colour)
        return
    x = sorted(each for each in points if each is not None)
    axes.plot(x, [points[each] for each in x], color=look.colour, linestyle=look.dash, marker=look.marker, markersize=4)


def _wide(means: Means) -> bool:
    """Whether the x values span so much that a logarithmic axis shows them better."""
    x = [each for seconds_at in means.values() for each in seconds_at if each is not None]
    return bool(x) and min(x) > 0 and max(x) >= 30 * min(x)
