"""Laws of all figures: whatever runs they are given, they draw or say in one sentence what they need, and what they
declare is what they need."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from made_up_runs import network_run, run, sweep
from matplotlib.figure import Figure

from byzsgd.analysis import NothingToDraw, compare
from byzsgd.analysis.curves import AXES
from byzsgd.analysis.estimates import estimate
from byzsgd.plotting import KINDS, Panel, bars, cost, drawable, figure_of, heatmap, points, staleness, worst_case
from byzsgd.plotting.files import _figures

DOCS = Path(__file__).parents[2] / "docs" / "figures.md"
SKEWED = (0.2, 0.3, 0.9)  # three seeds whose median is no mean, no least and no largest


def measured(made, **columns):
    return replace(made, metrics=made.metrics.with_columns(**columns))


def cases():
    one, skewed = run(), sweep(("asgd", "kardam"), ("none", "lie"), 3)
    yield "one run", [one]
    yield "three seeds", skewed
    yield "nothing delivered", [replace(made, arrivals=made.arrivals.clear()) for made in skewed]
    yield "one evaluation", [replace(made, metrics=made.metrics[:1]) for made in skewed]
    yield "never evaluated", [replace(made, metrics=made.metrics.clear()) for made in skewed]
    nothing = pl.lit(np.nan)
    yield "NaN", [measured(made, test_accuracy=nothing, train_loss=nothing, test_loss=nothing) for made in skewed]
    yield "all diverged", sweep(("asgd", "krum"), ("lie", "reversed"), 3, status="diverged")
    yield "some diverged", sweep(("asgd", "kardam"), ("lie", "reversed"), 3)
    without = [replace(made, metrics=made.metrics.drop("test_accuracy")) for made in skewed]
    yield "no accuracy", [replace(made, arrivals=made.arrivals.drop("lipschitz", strict=False)) for made in without]
    yield "no info", [replace(made, info={}) for made in skewed]


CASES = dict(cases())
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in CASES if name not in ("nothing delivered", "NaN")]


@pytest.mark.parametrize("case", ["nothing delivered", "NaN", *SLOW])
@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_drawn_where_it_has_what_it_needs(kind, case):
    comparison = compare(CASES[case])
    try:
        figure_of(kind).demand(comparison)
    except NothingToDraw as nothing:
        sentence = str(nothing)
        assert sentence.startswith(f"{kind} needs ") and "; got " in sentence and "\n" not in sentence
        with pytest.raises(NothingToDraw, match=re.escape(sentence)):
            figure_of(kind)(comparison)
    else:
        drawn = _figures(kind, comparison, ["arrivals"], None)
        assert drawn and all(isinstance(figure, Figure) for _, figure in drawn)


def of_all_kinds():
    """Few runs in which every figure finds what it needs."""
    for liars, partition, scheme in ((1, "iid", "server"), (1, "shards", "server"), (2, "iid", "server"),
                                     (2, "shards", "tree")):  # fmt: skip
        made = network_run(n=6, arrivals=300)
        choices = made.choices | {"partition": partition, "scheme": scheme}
        config = made.config | {"num_byzantine": liars, "f": liars, "scheme": {"children": 2, "layers": 2}}
        places = pl.Series(np.arange(1.0, 1.0 + len(made.metrics)))
        made = measured(made, cost=places, bits_up=1e6 * places, suboptimality=1 / places)
        arrivals = made.arrivals.with_columns(bits=pl.col("arrival") % 7 + 40)
        info = made.info | {"class_counts": [[3, 1]] * 6}
        yield replace(made, arrivals=arrivals, config=config, choices=choices, info=info)


WHOLE = list(of_all_kinds())


def with_columns(runs, kept):
    return compare([replace(made, arrivals=made.arrivals.select(kept)) for made in runs])


def declared_by(kind):
    """Its columns with those of every comparison, who lies, and what some filter measured."""
    scores = ("lipschitz", "lipschitz_threshold") if kind == "coefficients" else ()
    return sorted({*figure_of(kind).declaration.columns, *scores, "byzantine"})


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_says_which_column_it_lacks(kind):
    declared = figure_of(kind).declaration.columns
    figure_of(kind).demand(with_columns(WHOLE, declared_by(kind)))
    for name in set(declared) - {"byzantine"}:
        lacking = with_columns(WHOLE, [each for each in WHOLE[0].arrivals.columns if each != name])
        with pytest.raises(NothingToDraw, match=f"{kind} needs arrivals with .*; got runs without {name}$"):
            figure_of(kind)(lacking)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_is_drawn_from_the_columns_that_it_declares(kind):
    drawn = dict(_figures(kind, with_columns(WHOLE, declared_by(kind)), AXES, None))
    axes = figure_of(kind).declaration.axes
    assert list(drawn) == ([f"{kind}-{axis}" for axis in AXES if axis in axes] or [kind])
    assert not any(source in label for figure in drawn.values() for label in ticks(figure) for source in "$\\")


def ticks(figure):
    """The numbers on the axes, as they are printed."""
    figure.draw_without_rendering()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            yield from (label.get_text() for minor in (False, True) for label in axis.get_ticklabels(minor=minor))


@pytest.mark.parametrize("log", [{"log_x": True}, {"log_y": True}])
def test_a_logarithmic_axis_prints_numbers_and_no_formulas(log):
    masses = [0.05, 0.1, 0.2, 0.4]
    panel = Panel("", {"one": [(mass, estimate([mass, 2 * mass])) for mass in masses]})
    labels = set(ticks(points("a", "", [panel], x="x", y="y", **log)))
    assert {"0.1", "0.2"} <= labels and not any(source in label for label in labels for source in "$\\")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_its_row_and_its_axes(kind):
    rows = [line.split("|")[1:] for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    said = [said for names, said, *_ in rows if f"`{kind}`" in names]
    assert len(said) == 1, f"{DOCS.name} needs one row of {kind}; got {len(said)}"
    declaration = figure_of(kind).declaration
    assert declaration.name == kind
    assert {axis for axis in AXES if f"`{axis}`" in said[0]} == set(declaration.axes), f"axes of {kind} in {DOCS.name}"


def test_what_can_be_drawn_is_found():
    found, others = drawable(CASES["three seeds"])
    assert {"accuracy", "loss", "heatmap", "bars", "staleness", "timeline", "acceptance"} <= set(found)
    assert {sentence.split()[0] for sentence in others} == set(KINDS) - set(found)
    assert {"tree", "network", "cost", "partition"} <= set(KINDS) - set(found)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("acceptance", "acceptance needs an x axis among arrivals, updates, time; got bits"),
        ("accuracy", "accuracy needs runs that have recorded its x axis; got x=bits"),
    ],
)
def test_an_axis_that_is_not_there_is_said(kind, sentence):
    with pytest.raises(NothingToDraw, match=re.escape(sentence)):
        _figures(kind, compare([run()]), ["bits"], None)


def ending(final, attack="lie", seed=0, *, status="finished"):
    """A run whose last accuracy is the given one."""
    made = run("krum", attack, seed, status=status, arrivals=120)
    values = pl.Series([0.1] * (len(made.metrics) - 1) + [final])
    return measured(made, test_accuracy=values, cost=pl.Series(np.arange(1.0, 1.0 + len(made.metrics))))


def skewed(**settings):
    return [ending(final, seed=seed, **settings) for seed, final in enumerate(SKEWED)]


def numbers_of(figure):
    """All that is drawn or written as a number: places of marks, lengths of bars, texts."""
    found = set()
    for axes in figure.axes:
        found |= {round(float(value), 6) for line in axes.lines for value in np.ravel(line.get_ydata())
                  if np.isfinite(value)}  # fmt: skip
        found |= {round(float(patch.get_width()), 6) for patch in axes.patches if hasattr(patch, "get_width")}
        found |= {text.get_text() for text in axes.texts}
    return found


def grid():
    for liars in (1, 2):
        for partition in ("iid", "shards"):
            for made in skewed():
                config = made.config | {"num_byzantine": liars, "f": liars}
                yield replace(made, config=config, choices=made.choices | {"partition": partition})


MIDDLES = {
    "heatmap": lambda: heatmap(compare([*skewed(), *skewed(attack="ipm"), *sweep(("asgd",), ("lie", "ipm"), 3)])),
    "worst_case": lambda: worst_case(compare(list(grid()))),
    "bars": lambda: bars(compare([*skewed(), *skewed(attack="ipm")])),
    "points": lambda: points("a", "", [Panel("", {"one": [(1.0, estimate(SKEWED))]})], x="x", y="y"),
}


@pytest.mark.parametrize("draw", MIDDLES.values(), ids=MIDDLES)
def test_the_middle_of_the_seeds_is_their_median(draw):
    found = numbers_of(draw())
    assert found & {0.3, "0.300"}
    assert not found & {round(float(np.mean(SKEWED)), 6), "0.467", "0.200", "0.900"}


def test_the_worst_attack_on_a_loss_leaves_the_most_of_it():
    losses = {"lie": 0.4, "ipm": 0.7}
    runs = [measured(ending(0.5, attack), test_loss=pl.lit(loss)) for attack, loss in losses.items()]
    runs += sweep(("asgd",), tuple(losses), 1)
    axes = heatmap(compare(runs), metric="test_loss").axes[0]
    written = [text.get_text() for text in axes.texts]
    assert (written.count("0.700"), written.count("0.400")) == (2, 1)  # its own cell, and that of the worst


def test_the_dotted_lines_of_staleness_are_the_means():
    rows = run().arrivals
    means = [rows.filter(pl.col("byzantine") == liars)["staleness"].mean() for liars in (False, True)]
    assert all(mean != int(mean) for mean in means)
    (axes,) = staleness(compare([run()])).axes
    assert [float(line.get_xdata()[0]) for line in axes.lines] == pytest.approx(means)


@pytest.mark.parametrize("status", ["finished", "diverged"])
def test_the_end_of_a_run_that_diverged_is_a_cross_where_accuracy_is_paid_for(status):
    (axes,) = cost(compare([ending(0.4, status=status)])).axes
    curve, end = axes.lines
    assert (end.get_marker() == "X") == (status == "diverged")
    assert [float(end.get_xdata()[0]), float(end.get_ydata()[0])] == [curve.get_xdata()[-1], 0.4]
