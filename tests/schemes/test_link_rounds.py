"""Whole runs of rounds with redundancy: over a link of finite bandwidth a round takes what its closed form says, and
whole blocks as batches make every scheme full-batch descent."""

from __future__ import annotations

import numpy as np
import pytest

import byzsgd

ROUNDS, N, BITS = 2, 20, 32 * 650  # logistic regression on digits
COMMON = ("model=logistic_regression", "num_byzantine=0", "f=0", "batch_size=null", "worker.sampling=full",
          "dataset.trusted=58", "delay/communication=link", f"num_workers={N}")  # fmt: skip
UNCODED = ("scheme=coded", "scheme/code=none")
IGNORING = (*UNCODED, "scheme.code.stragglers=4")
CODED = ("scheme=coded", "scheme/code=fractional_repetition", "scheme.code.stragglers=4")
RING = ("scheme=ring_allreduce",)


def seconds(rounds, *settings):
    """(rounds,) what each took, in virtual seconds."""
    run = byzsgd.experiment(*COMMON, *settings, f"budget.updates={rounds}", "eval_every=100000").run()
    assert run.info["status"] == "finished"
    return np.diff(run.arrivals.filter(run.arrivals["updated"])["time"].to_numpy(), prepend=0.0)


def bandwidth(message):
    """The bandwidth at which a message takes so many seconds."""
    return f"delay.communication.bandwidth={BITS / message}"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (UNCODED, 1 + N * 0.05),
        (IGNORING, 1 + 16 * 0.05),
        (CODED, 5 + 16 * 0.05),  # worker 15 is the first of the last group
        (("scheme=coded", "scheme/code=cyclic", "scheme.code.stragglers=4"), 5 + 16 * 0.05),
        (("scheme=coded", "scheme/code=draco_cyclic", "f=2"), 5 + 18 * 0.1),  # complex numbers, n − f of them
        (("scheme=tree", "scheme.stragglers=0"), 1 + 2 * 4 * 0.05),
        (("scheme=tree", "scheme.stragglers=1"), 20 / (4 / 2 + 16 / 4) + 2 * 3 * 0.05),
        (RING, 1 + 2 * (N - 1) * 0.05 / N),
    ],
)
def test_a_round_of_equal_workers(settings, expected):
    """Compute of load·N seconds, then t_c for each message that is waited for, one receiver after another."""
    assert seconds(ROUNDS, "delay=constant", bandwidth(0.05), *settings) == pytest.approx(expected, rel=1e-9)


def test_latency_and_cost_of_a_message_add_to_its_bits():
    link = ("delay.communication.latency=0.3", "delay.communication.per_message=0.2", bandwidth(0.05))
    assert seconds(1, "delay=constant", *link, *UNCODED) == pytest.approx(1 + N * 0.55)
    assert seconds(1, "delay=constant", *link, *RING) == pytest.approx(1 + 2 * (N - 1) * (0.5 + 0.05 / N))


# Means of 4000 rounds of another implementation, by seconds of a message.
TABLE = [
    (UNCODED, {0.005: 0.237, 0.05: 1.052, 0.5: 10.05}),
    (("scheme=coded", "scheme/code=cyclic", "scheme.code.stragglers=4"), {0.005: 0.636, 0.05: 1.063, 0.5: 8.26}),
    (IGNORING, {0.005: 0.141, 0.05: 0.853, 0.5: 8.05}),
    (RING, {0.005: 0.239, 0.05: 0.325, 0.5: 1.18}),
    (("scheme=tree", "scheme.stragglers=0"), {0.005: 0.237, 0.05: 0.456, 0.5: 4.05}),
    (("scheme=tree", "scheme.stragglers=1"), {0.005: 0.438, 0.05: 0.546, 0.5: 3.18}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("settings", "row"), TABLE)
def test_the_table_of_round_times(settings, row):
    law = ("delay=shifted_exponential", "delay.shift=0.05", "delay.mean=0.05")
    for message, expected in row.items():
        found = seconds(400, *law, bandwidth(message), *settings)
        error = 3 * found.std() * (1 / 400 + 1 / 4000) ** 0.5
        assert found.mean() == pytest.approx(expected, abs=error + (0.0005 if expected < 2 else 0.005)), message


def losses(*settings):
    run = byzsgd.experiment(*settings, "budget.updates=3", "eval_every=100000").run()
    return run.metrics.select("train_loss", "test_loss").row(-1)


@pytest.mark.parametrize("settings", [RING, UNCODED, CODED, ("scheme=coded", "scheme/code=cyclic"), ("scheme=tree",)])
def test_uneven_blocks_are_full_batch_descent(settings):
    """1258 examples divide neither by 20 nor by 12; one worker that has all of them is the reference."""
    whole = (*COMMON[:5], "dataset.trusted=0", "dtype=float64", "optimizer.lr=0.5")
    alone = losses(*whole, "num_workers=1", "aggregator=mean", "delay=constant")
    assert losses(*whole, f"num_workers={N}", *settings) == pytest.approx(alone, rel=1e-9)


def test_stragglers_change_times_alone():
    schemes = ("ring_allreduce", "coded", "tree")
    first, *others = [losses("experiment=stragglers", f"scheme={scheme}") for scheme in schemes]
    for other in others:
        assert other == pytest.approx(first, rel=1e-5)


@pytest.mark.slow
def test_the_schemes_of_an_experiment_take_the_same_steps():
    names = ("", "_tree", "_gradient_coding", "_repetition", "_uncoded")
    first, *others = [losses(f"experiment=coded_reduce{name}") for name in names]
    for other in others:
        assert other == pytest.approx(first, rel=1e-5)
