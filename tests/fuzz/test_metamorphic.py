"""What must not change a run: being run again, the order of its overrides, looks at it, another engine, a pause, a
question to its server. Held for compositions drawn from all groups."""

from __future__ import annotations

import random

import compositions
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from byzsgd import experiment
from byzsgd.kernel.lookahead import events
from byzsgd.records import run_id
from byzsgd.run.screen import Nobody

FEW, MANY = 1, 60
FORGIVING = {"rel": 1e-5, "abs": 1e-9, "nan_ok": True}  # of float64, over so few steps


def over(count, drawn=compositions.valid):
    """Once for each of so many drawn compositions."""
    return lambda test: settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )(given(words=drawn(), chance=st.randoms(use_true_random=True))(test))


def law(test):
    """A test of one or two compositions, and a slow one of many."""

    @pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
    def held(count, tmp_path):
        seen = []

        def one(words, chance):
            if len(seen) < count and (made := possible(words)) is not None:
                place = tmp_path / str(len(seen))
                seen.append(words)
                test(made, words, chance, place)

        over(2 * count)(one)()
        assert len(seen) >= count / 2

    held.__doc__ = test.__doc__
    return held


def possible(words):
    """The experiment of these overrides; None where they cannot be together."""
    try:
        made = experiment(*compositions.SHORT, *words)
        made.prepare()
    except ValueError:
        return None
    return made


def assert_equal(one, other):
    assert one.arrivals.equals(other.arrivals)
    assert one.info["status"] == other.info["status"]


@law
def test_a_run_and_the_same_again(made, words, chance, place):
    one, other = made.run(), experiment(*compositions.SHORT, *words).run()
    assert_equal(one, other)
    assert one.metrics.equals(other.metrics)


@law
def test_the_order_of_settings_does_not_matter(made, words, chance, place):
    """Of settings: a choice of a member comes before what is set in it, as the command line has it too."""
    mixed = chance.sample([*compositions.SHORT, *words], len(words) + len(compositions.SHORT))
    assert run_id(experiment(*mixed).config) == run_id(made.config)


@law
def test_looking_more_often_changes_no_delivery(made, words, chance, place):
    often = experiment(*compositions.SHORT, *words, f"eval_every={chance.randint(1, 7)}")
    assert_equal(made.run(), often.run())


@law
def test_engines_agree_in_float64(made, words, chance, place):
    columns = ["time", "worker", "serial", "read_at", "staleness"]
    try:
        runs = [experiment(*compositions.SHORT, *words, "dtype=float64", f"engine={engine}").run()
                for engine in ("loop", "vmap")]  # fmt: skip
    except ValueError as refusal:  # vmap asks for a model that it can treat
        assert "engine" in str(refusal) or "vmap" in str(refusal)
        return
    one, other = runs
    if "diverged" in {one.info["status"], other.info["status"]}:
        return
    assert one.arrivals.select(columns).equals(other.arrivals.select(columns))
    norms, others = (run.arrivals["norm"].to_numpy() for run in runs)
    assert norms == pytest.approx(others, **FORGIVING)


@law
def test_a_pause_changes_nothing(made, words, chance, place):
    """At a random delivery the run is saved and dropped; another process would begin as the new object does."""
    whole = made.run(place / "whole")
    running = made.start(place / "cut", Nobody())
    played = chance.randint(1, 20)
    for _, event in zip(
        range(played), events(running.prepared.kernel, running.world, running.prepared.engine), strict=False
    ):
        if running.after(event) is not None:
            return  # it ended before
    running.checkpoint()
    resumed = experiment(*compositions.SHORT, *words).run(place / "cut")
    assert_equal(whole, resumed)
    assert (place / "whole/params.safetensors").read_bytes() == (place / "cut/params.safetensors").read_bytes()


@law
def test_a_question_to_the_server_changes_nothing(made, words, chance, place):
    """`preview` answers what would happen, and leaves everything as it was."""
    if made.aggregator is None:
        return
    rows = [deliveries(made.prepare(), asked) for asked in (None, random.Random(chance.random()))]
    assert rows[0] == rows[1]


def deliveries(prepared, asked):
    """What the first 30 are; `asked` draws after which of them the server is asked about one that might come."""
    world = prepared.begin(prepared.initial.clone())
    rows = []
    for _, event in zip(range(30), events(prepared.kernel, world, prepared.engine), strict=False):
        rows.append((event.arrival.time, event.arrival.worker, event.decision.accepted, event.decision.weight,
                     event.norm, dict(event.decision.scores)))  # fmt: skip
        if asked is not None and asked.random() < 0.5:
            prepared.kernel.scheme.aggregator.preview(world.scheme.aggregator, [event.arrival] * asked.randint(1, 3))
    return rows
