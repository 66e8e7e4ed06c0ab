"""Figures over settings: heatmaps, bars, slowdown, and those of one run's inner life."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest
from made_up_runs import run, sweep
from matplotlib.patches import Rectangle
from scipy.stats import expon

from byzsgd.analysis import NothingToDraw, band, compare
from byzsgd.analysis.jobs import jobs
from byzsgd.plotting import (
    acceptance,
    bars,
    bits,
    coefficients,
    cost,
    delays,
    examples_by_class,
    heatmap,
    overview,
    partition,
    progress,
    refusals,
    slowdown,
    staleness,
    timeline,
    worst_case,
)
from byzsgd.plotting.figures.refusals import shares
from byzsgd.plotting.style import BYZANTINE, HONEST, PALETTE, reason_looks


def ending(accuracy, aggregator="kardam", attack="lie", seed=0, **settings):
    """A run whose last evaluation is the given one."""
    made = run(aggregator, attack, seed, arrivals=60, status="finished", **settings)
    values = pl.Series([0.1] * (len(made.metrics) - 1) + [accuracy])
    return dataclasses.replace(made, metrics=made.metrics.with_columns(test_accuracy=values))


def caption_of(figure):
    return " ".join(text.get_text() for text in figure.texts).replace("\xa0", " ").replace("\n", " ")


def written(axes):
    return [text.get_text() for text in axes.texts]


def ticks(labels):
    return [label.get_text() for label in labels]


def test_a_heatmap_has_the_medians_and_the_worst_attack():
    runs = [
        ending(0.9, attack="none"), ending(0.5, seed=0), ending(0.7, seed=1), ending(0.8, attack="ipm"),
        ending(0.95, "asgd", "none"), ending(0.25, "asgd", "lie"),
    ]  # fmt: skip
    axes, bar = heatmap(compare(runs)).axes
    assert bar.get_ylabel() == "test accuracy"
    assert ticks(axes.get_yticklabels()) == ["kardam", "asgd"]
    assert ticks(axes.get_xticklabels()) == ["no attack", "lie", "ipm", "worst attack"]
    first = ["0.900", "0.600", "0.500 … 0.700", "n = 2", "0.800", "0.600", "lie"]
    assert written(axes) == [*first, "0.950", "0.250", "–", "0.250", "lie"]


def test_a_heatmap_says_what_diverged():
    axes, _ = heatmap(compare(sweep(("asgd", "kardam"), ("lie", "reversed"), 3))).axes
    assert written(axes).count("diverged") == 2  # the cell, and the worst attack of its row
    assert written(axes).count("0/3 ok") == 1
    darkness = [sum(patch.get_facecolor()[:3]) for patch in axes.patches if isinstance(patch, Rectangle)]
    assert max(darkness) == darkness[1]  # asgd under `reversed`: accuracy 0 is the lightest


def greys(axes):
    """Of the cells in their order, whether they are grey."""
    faces = [patch.get_facecolor()[:3] for patch in axes.patches if isinstance(patch, Rectangle)]
    return [len(set(face)) == 1 for face in faces]


def test_cells_that_share_the_first_place_are_grey():
    finals = {"asgd": [0.95, 0.94, 0.96, 0.95], "krum": [0.94, 0.95, 0.95, 0.95], "kardam": [0.5, 0.51, 0.52, 0.5]}
    runs = [
        ending(value, server, attack, seed)
        for server, values in finals.items()
        for attack in ("lie", "ipm")
        for seed, value in enumerate(values)
    ]
    figure = heatmap(compare(runs))
    assert greys(figure.axes[0]) == [True, True, False, True, True, False, False, False, False]
    assert "grey: not told apart" in caption_of(figure)
    few = heatmap(compare([run for run in runs if run.config["seed"] < 2]))
    assert not any(greys(few.axes[0])) and "grey" not in caption_of(few)


def test_a_heatmap_says_how_exact_a_test_split_is():
    runs = [ending(value, seed=seed) for seed, value in enumerate((0.9, 0.9))] + [ending(0.9, "asgd", "ipm")]
    runs = [dataclasses.replace(made, info=made.info | {"test_examples": 359}) for made in runs]
    figure = heatmap(compare(runs), last=2)
    assert "359 test examples, standard error 0.026 at 0.500" in caption_of(figure)
    assert "mean of the last 2 evaluations" in caption_of(figure)


def test_a_heatmap_of_losses_where_there_is_no_accuracy():
    runs = [
        dataclasses.replace(made, metrics=made.metrics.with_columns(test_accuracy=pl.lit(None, pl.Float64)))
        for made in sweep(("asgd", "kardam"), ("none", "lie"), 1)
    ]
    assert "test_loss" in heatmap(compare(runs)).texts[0].get_text()


def test_a_heatmap_with_a_third_setting_has_panels():
    runs = sweep(("asgd", "kardam"), ("none", "lie"), 1) + sweep(("asgd", "kardam"), ("none", "lie"), 1, byzantine=1)
    *panels, _ = heatmap(compare(runs)).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["1 Byzantine", "3 Byzantine"]


def test_panels_of_a_heatmap_share_their_colours():
    runs = [
        dataclasses.replace(
            made, metrics=made.metrics.with_columns(test_accuracy=pl.lit(None, pl.Float64), test_loss=pl.lit(loss))
        )
        for count, loss in ((1, 2.0), (3, 4.0))
        for made in sweep(("asgd", "kardam"), ("none", "lie"), 1, byzantine=count)
    ]
    first, second, bar = heatmap(compare(runs)).axes
    faces = [{patch.get_facecolor() for patch in axes.patches} for axes in (first, second)]
    assert not faces[0] & faces[1]
    assert bar.get_ylim() == (2.0, 4.0)


@pytest.mark.parametrize(
    "draw", [heatmap, bars, acceptance, refusals, coefficients, staleness, timeline, progress], ids=lambda f: f.__name__
)
def test_captions_are_short_and_settings_stand_in_the_note(draw):
    runs = sweep(("asgd", "kardam", "krum"), ("none", "lie", "reversed"), 3, arrivals=200)
    runs = [dataclasses.replace(made, info=made.info | {"test_examples": 359}) for made in runs]
    title, *others = draw(compare(runs)).texts
    caption, note = (
        " ".join(text.get_text() for text in others if text.get_fontsize() == size).replace("\xa0", " ")
        for size in (7, 6.5)
    )
    assert len(caption.split()) < 40
    assert "n = 15" in note and "n = 15" not in caption
    assert title.get_fontsize() == 9.5


def test_a_heatmap_needs_two_settings():
    with pytest.raises(NothingToDraw, match="heatmap needs two settings that differ"):
        heatmap(compare([run(), run("asgd")]))


def test_the_worst_case_is_the_lowest_median_over_attacks():
    runs = [
        ending(accuracy, attack=attack, byzantine=count, settings={"partition": {"alpha": alpha}}, seed=seed)
        for alpha, count, attack, seed, accuracy in [
            (0.1, 1, "lie", 0, 0.2), (0.1, 1, "lie", 1, 0.8), (0.1, 1, "ipm", 0, 0.4), (0.1, 1, "ipm", 1, 0.4),
            (0.1, 2, "lie", 0, 0.3), (0.1, 2, "ipm", 0, 0.6), (9.0, 1, "lie", 0, 0.7), (9.0, 1, "ipm", 0, 0.6),
        ]
    ]  # fmt: skip
    axes, _ = worst_case(compare(runs)).axes
    assert ticks(axes.get_yticklabels()) == ["alpha = 0.1", "alpha = 9"]
    assert ticks(axes.get_xticklabels()) == ["1", "2"]
    assert written(axes) == ["0.400", "ipm", "0.300", "lie", "0.600", "ipm", "–"]


def test_the_worst_case_needs_both():
    with pytest.raises(NothingToDraw, match="got runs that differ in attack"):
        worst_case(compare([run(), run(attack="ipm")]))


def test_bars_show_every_seed():
    figure = bars(compare([ending(0.5, seed=0), ending(0.7, seed=1), ending(0.2, "asgd")]))
    (axes,) = figure.axes
    assert [round(bar.get_width(), 3) for bar in axes.patches] == [0.6, 0.2]
    assert ticks(axes.get_yticklabels()) == ["kardam", "asgd"]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert sorted(dots[0].get_xdata()) == [0.5, 0.7]


def test_whiskers_are_whole_also_where_the_median_run_is_lost():
    lost = [run(seed=seed, status="diverged", arrivals=60) for seed in (2, 3)]
    (axes,) = bars(compare([ending(0.5, seed=0), ending(1.0, seed=1), *lost])).axes
    (whisker,) = axes.collections
    assert whisker.get_segments()[0][:, 0].tolist() == [0.5, 1.0]
    assert axes.get_xlim()[1] > 1.0
    assert "2/4 diverged" in written(axes)


def test_refusals_add_up():
    group = compare([run(seed=seed) for seed in range(2)]).groups[0]
    _, honest = shares(group, False, ["lipschitz", "frequency"])
    _, liars = shares(group, True, ["lipschitz", "frequency"])
    assert liars.sum(axis=0) == pytest.approx(1)  # under this made-up attack everything is refused
    assert 0.02 < honest.sum(axis=0).mean() < 0.4
    figure = refusals(compare([run(seed=seed) for seed in range(2)]))
    assert len(figure.axes) == 2
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lipschitz", "frequency"]


def test_refusals_of_a_server_that_refuses_nothing():
    with pytest.raises(NothingToDraw, match="refusals needs vectors that were refused"):
        refusals(compare([run("asgd")]))


def test_reasons_have_different_colours():
    names = ["frequency", "zeno", "mine", "yours", "theirs"]
    assert len({colour for colour, _ in reason_looks(names).values()}) == 5
    assert reason_looks(["frequency"])["frequency"][0] == PALETTE[1]


def test_a_job_begins_with_the_delivery_before_or_with_its_model():
    rows = pl.DataFrame(
        {
            "arrival": [0, 1, 2, 3],
            "time": [1.0, 2.0, 3.0, 5.0],
            "worker": [0, 1, 0, 1],
            "read_at_true": [0, 0, 1, 3],
            "step": [0, 1, 2, 3],
            "updated": [True, True, True, False],
        }
    )
    made = jobs(dataclasses.replace(run(), arrivals=rows))
    # Worker 0 reads version 1 at once; worker 1 was held from 2 s until version 3 was made at 3 s.
    assert made["began"].to_list() == [0.0, 0.0, 1.0, 3.0]


def test_the_time_of_prescribed_staleness_counts_deliveries():
    made = run(arrivals=60)
    (axes,) = timeline(compare([made])).axes
    assert axes.get_xlabel() == "virtual time (s)"
    counted = made.arrivals.with_columns(time=pl.col("arrival") + 1.0)
    (axes,) = timeline(compare([dataclasses.replace(made, arrivals=counted)])).axes
    assert axes.get_xlabel() == "deliveries"


def test_a_timeline_shows_the_jobs_of_the_stretch():
    made = run(arrivals=300)
    (axes,) = timeline(compare([made]), start=2.0, end=4.0).axes
    assert axes.get_xlim() == (2.0, 4.0)
    inside = made.arrivals.filter(pl.col("time").is_between(2.0, 4.0))
    marks = [line for line in axes.lines if line.get_marker() in ("o", "x")]
    assert sum(len(line.get_xdata()) for line in marks) == len(inside)
    crosses = sum(len(line.get_xdata()) for line in marks if line.get_marker() == "x")
    assert crosses == len(inside.filter(~pl.col("accepted")))


def test_a_wedge_of_the_timeline_is_thin_where_its_job_starts():
    made = run(arrivals=300)
    (axes,) = timeline(compare([made]), start=2.0, end=4.0).axes
    expected = jobs(made).filter((pl.col("time") >= 2.0) & (pl.col("began") <= 4.0))
    wedges = [path.vertices for kind in axes.collections for path in kind.get_paths()]
    assert sorted(wedge[0, 0] for wedge in wedges) == pytest.approx(sorted(expected["began"]))
    assert all(np.ptp(wedge[:2, 1]) < np.ptp(wedge[2:4, 1]) for wedge in wedges)


def test_panels_of_a_timeline_show_the_same_stretch():
    first, second = timeline(compare([run(arrivals=200), run("asgd", arrivals=600)])).axes
    assert first.get_xlim() == second.get_xlim()
    times = run(arrivals=200).arrivals["time"]
    assert times[90] < first.get_xlim()[0] < times[110]


def test_slowdown_has_the_line_of_f_over_n():
    runs = [run(attack="none", byzantine=0, settings={"f": f}, seed=seed) for f in range(1, 4) for seed in range(2)]
    figure = slowdown(compare(runs))
    (axes,) = figure.axes
    line = axes.lines[-1]
    assert list(line.get_xdata()) == [0, 3]
    assert list(line.get_ydata()) == [0, 3 / 15]
    measured = axes.lines[0]
    assert list(measured.get_xdata()) == [1, 2, 3]
    lost = [1 - made.arrivals.filter(~pl.col("byzantine"))["accepted"].mean() for made in runs[:2]]
    assert measured.get_ydata()[0] == pytest.approx(np.median(lost))


def test_bits_are_drawn_where_messages_differ_in_length():
    with pytest.raises(NothingToDraw, match="differ in length"):
        bits(compare([run()]))
    made = run()
    longer = made.arrivals.with_columns(bits=640 + 64 * pl.col("read_at_true"))
    told = dataclasses.replace(made, arrivals=longer, info={**made.info, "num_parameters": 64})
    (axes,) = bits(compare([told])).axes
    (line,) = axes.lines
    assert line.get_ydata() == pytest.approx(10 + line.get_xdata())


def test_cost_is_drawn_where_somebody_pays():
    with pytest.raises(NothingToDraw, match="whose workers have a price"):
        cost(compare([run()]))
    free = dataclasses.replace(run(), metrics=run().metrics.with_columns(cost=pl.lit(0.0)))
    with pytest.raises(NothingToDraw):
        cost(compare([free]))
    paid = dataclasses.replace(run(), metrics=run().metrics.with_columns(cost=2 * pl.col("time")))
    (axes,) = cost(compare([paid])).axes
    assert axes.lines[-1].get_xdata()[0] == pytest.approx(2 * run().metrics["time"][-1])


def test_a_partition_of_few_classes_is_bars_and_of_many_a_matrix():
    counts = np.arange(12).reshape(3, 4)
    (axes,) = examples_by_class(counts, class_names="abcd", byzantine=(1,)).axes
    assert sum(bar.get_width() for bar in axes.patches) == counts.sum()
    assert written(axes) == ["B"]
    figure = examples_by_class(np.eye(62, dtype=int)[:5])
    assert figure.axes[0].images[0].get_array().shape == (5, 62)


def test_a_partition_is_read_from_the_record():
    with pytest.raises(NothingToDraw, match="recorded class_counts"):
        partition(compare([run()]))
    told = run()
    told.info["class_counts"] = [[3, 1], [0, 4]]
    assert len(partition(compare([told])).axes[0].patches) == 4


class Exponential:
    prescribed = False

    def cdf(self, values):
        return expon.cdf(values)


def test_delays_come_as_configured():
    figure = delays(compare([run(seed=seed, arrivals=2000) for seed in range(2)]), law_of=lambda run: Exponential())
    (axes,) = figure.axes
    colours = [line.get_color() for line in axes.lines]
    assert colours[:2] == [HONEST, BYZANTINE]
    honest, _, law = axes.lines
    inside = honest.get_xdata() < 2
    expected = np.interp(honest.get_xdata()[inside], law.get_xdata(), law.get_ydata())
    assert np.abs(honest.get_ydata()[inside] - expected).max() < 0.05


def test_delays_of_unequal_workers_are_scaled_by_their_medians():
    slow = run(arrivals=2000, settings={"delay": {"heterogeneity": {"_target_": "byzsgd.delays.linear"}}})
    times = slow.arrivals["time"] * 7.0
    slow = dataclasses.replace(slow, arrivals=slow.arrivals.with_columns(time=times))
    (axes,) = delays(compare([slow]), law_of=lambda run: Exponential()).axes
    assert axes.get_xlabel() == "seconds of a job / median of its worker"
    honest, _, law = axes.lines
    assert law.get_ydata()[np.searchsorted(law.get_xdata(), 1.0)] == pytest.approx(0.5, abs=0.01)
    assert honest.get_ydata()[np.searchsorted(honest.get_xdata(), 1.0)] == pytest.approx(0.5, abs=0.02)


def test_without_a_law_there_is_no_line():
    (axes,) = delays(compare([run()])).axes
    assert len(axes.lines) == 2


def test_an_overview_shows_the_run_that_refused_most():
    figure = overview(compare(sweep(("asgd", "kardam"), ("none", "lie"), 2)), title="Who learns?")
    above, below = figure.axes[:2], figure.axes[2]
    assert [axes.get_title(loc="left") for axes in above] == ["no attack", "lie"]
    assert below.get_title(loc="left") == "A moment of kardam under lie"
    assert figure.texts[0].get_text() == "Who learns?"
    assert "median and range of the seeds" in caption_of(figure)


def test_an_overview_draws_medians():
    runs = compare(sweep(("asgd", "kardam"), ("none", "lie"), 3))
    figure = overview(runs)
    (line, *_) = figure.axes[0].lines
    assert list(line.get_ydata()) == list(band(runs.groups[0], "test_accuracy", "time").middle)


def test_an_overview_needs_liars():
    with pytest.raises(NothingToDraw, match="an overview needs runs with Byzantine vectors"):
        overview(compare([run(byzantine=0)]))


def test_a_law_with_communication_has_no_line():
    added = run(settings={"delay": {"communication": {"_target_": "byzsgd.delays.constant"}}})
    (axes,) = delays(compare([added]), law_of=lambda run: Exponential()).axes
    assert len(axes.lines) == 2


def test_prescribed_staleness_is_compared_as_staleness():
    class Twenty:
        prescribed = True

        def cdf(self, values):
            return (values >= 20).astype(float)

    (axes,) = delays(compare([run()]), law_of=lambda run: Twenty()).axes
    assert axes.get_xlabel() == "staleness τ"
    honest = axes.lines[0].get_xdata()
    assert sorted(honest) == sorted(run().arrivals.filter(~pl.col("byzantine"))["staleness"].to_list())
