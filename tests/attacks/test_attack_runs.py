"""Attacks in whole runs, against the servers they are meant for."""

import polars as pl
import pytest
from attack_world import MEMBERS

from byzsgd import experiment

SMALL = ("batch_size=8", "eval_every=1000")


def arrivals(count, *overrides):
    return experiment(*SMALL, f"budget.arrivals={count}", *overrides).run().arrivals


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [each for each in MEMBERS if each != "dissensus"])  # that one needs neighbours
def test_every_attack_runs_against_kardam_and_sends_32_bits_a_number(name, dtype):
    run = experiment(*SMALL, "budget.arrivals=80", f"attack={name}", f"dtype={dtype}").run()
    assert set(run.arrivals["bits"]) == {32 * 2410}
    assert run.info["status"] in ("finished", "diverged", "stalled")
    assert run.arrivals.filter(~pl.col("byzantine")).height > 30


@pytest.mark.parametrize(("variant", "share"), [("kardam", 0.9), ("kardam_author", 0.8)])
def test_lipschitz_hug_passes_the_real_filter(variant, share):
    """With the author's reading the liar has to find the server's last direction among the vectors that it sees."""
    seen = arrivals(600, f"aggregator={variant}", "attack=lipschitz_hug")
    attempts = seen.filter(pl.col("byzantine") & pl.col("lipschitz_threshold").is_finite())
    passed = attempts.filter(pl.col("reason") != "lipschitz")
    assert attempts.height > 80
    assert passed.height >= share * attempts.height


@pytest.mark.parametrize("name", ["crash", "collusion", "frequency_squat", "phase"])
def test_liars_timing_moves_no_honest_job(name):
    """A server that always answers at once: the honest arrive at the same times whatever the liars do."""

    def honest(attack):
        seen = arrivals(200, "aggregator=asgd", f"attack={attack}", "optimizer.lr=0")
        return seen.filter(~pl.col("byzantine")).select("time", "worker", "serial").rows()

    usual, timed = honest("none"), honest(name)
    shorter = min(len(usual), len(timed))
    assert shorter > 50
    assert usual[:shorter] == timed[:shorter]


def liars_per_step(attack):
    """How many liars stand behind each step of a buffer of six that has any, by the recorded order of arrivals."""
    buffer = ("aggregator=asgd", "aggregator/collector=buffer", "aggregator.collector.size=6")
    seen = arrivals(600, *buffer, f"attack={attack}", "optimizer.lr=0")
    groups = seen.group_by("step").agg(pl.col("byzantine").sum()).filter(pl.col("byzantine") > 0)
    return groups["byzantine"].mean()


def test_collusion_brings_the_liars_into_one_buffer():
    assert liars_per_step("collusion") == 3
    assert liars_per_step("reversed") < 2


def test_frequency_squat_takes_a_larger_share_of_what_is_accepted():
    def share(attack):
        overrides = ("attack@attack.payload=zero",) if attack == "frequency_squat" else ()
        accepted = arrivals(600, f"attack={attack}", *overrides).filter(pl.col("accepted"))
        return accepted["byzantine"].mean()

    squatted = share("frequency_squat")
    assert squatted > 1.5 * share("zero")
    assert squatted <= 3 / 7 + 0.01  # f of every 2f+1


def test_phase_is_no_attack_before_its_step():
    honest, phased = arrivals(300, "attack=none"), arrivals(300, "attack=phase", "attack.until=20")
    before = honest["step"].to_numpy() < 20
    assert before.sum() > 50
    assert honest["norm"].to_numpy()[before].tolist() == phased["norm"].to_numpy()[before].tolist()
    assert honest["norm"].to_list() != phased["norm"].to_list()
