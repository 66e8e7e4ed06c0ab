"""Client sampling: m of n clients a round."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

import byzsgd
from byzsgd.kernel.randomness import Streams

SMALL = {"num_workers": 9, "num_byzantine": 1, "batch_size": 4, "eval_every": 15, "budget.arrivals": 45,
         "model": "linear", "aggregator": "median", "byzantine_ids": [2], "engine": "loop", "seed": 3}  # fmt: skip


def sampled(size, *more, **settings):
    clients = {"aggregator/collector": "sample", "aggregator.collector.size": size}
    return byzsgd.experiment(SMALL | clients, *more, **settings)


def test_every_client_is_all_of_synchronous_rounds():
    rounds, all_of_them = byzsgd.experiment(SMALL).run(), sampled(9).run()
    assert all_of_them.arrivals.equals(rounds.arrivals) and all_of_them.metrics.equals(rounds.metrics)


@pytest.mark.parametrize("delay", ["exponential", "d1"])
def test_a_round_is_its_drawn_clients_and_nobody_else_computes(delay):
    rows = sampled(3, delay=delay).run().arrivals
    assert rows["staleness"].max() == 0 if delay == "exponential" else True
    streams = Streams(3)
    for step in range(15):
        of_round = rows.filter(pl.col("step") == step)
        drawn = streams.generator("server/sample", 0, step).choice(9, 3, replace=False)
        assert sorted(of_round["worker"]) == sorted(drawn)
        assert of_round["updated"].to_list() == [False, False, True]
    assert rows["serial"].to_numpy().max() < 15 and len(set(rows["worker"])) == 9


def test_a_client_is_drawn_as_often_as_another():
    """Each count is Bin(1000, 1/3): within four standard deviations, 60."""
    collector = sampled(3).aggregator.collector
    streams = Streams(0)

    class Context:
        num_workers = 9

        @staticmethod
        def stream(name, step):
            return streams.generator(f"server/{name}", 0, step)

    counts = np.bincount([worker for step in range(1000) for worker in collector._draw(Context, step)], minlength=9)
    assert counts.sum() == 3000 and np.abs(counts - 1000 / 3).max() < 4 * math.sqrt(1000 * 2 / 9)


def test_a_round_of_clients_goes_on_to_the_same_bits():
    short, whole = sampled(4).run("short"), sampled(4, {"budget.arrivals": 70}).run()
    longer = sampled(4, {"budget.arrivals": 70}).run("longer")
    assert longer.arrivals.equals(whole.arrivals) and longer.metrics[-1].equals(whole.metrics[-1])
    assert longer.arrivals[: len(short.arrivals)].equals(short.arrivals)


def test_a_round_of_liars_alone_does_not_end_the_run():
    """Where no row is finite the round is lost; the next has other clients."""
    liars = {"attack": "not_a_number", "num_byzantine": 4, "f": 0, "byzantine_ids": [0, 1, 2, 3]}
    rows = sampled(2, liars).run().arrivals
    rounds = rows.with_row_index().group_by(pl.col("index") // 2, maintain_order=True).agg(pl.all())
    lost = ["not_finite" in reasons for reasons in rounds["reason"]]
    assert any(lost) and rounds["updated"].list.any().sum() == len(rounds) - sum(lost) - 1  # 45 deliveries
    clients = [tuple(sorted(workers)) for workers in rounds["worker"]]
    assert all(clients[place + 1] != clients[place] for place in range(len(lost) - 2) if lost[place])


@pytest.mark.parametrize(("size", "sentence"), [
    (0, "sample needs size >= 1; got size=0"), (10, "sample needs size <= num_workers; got size=10, num_workers=9"),
])  # fmt: skip
def test_impossible_sizes_are_refused(size, sentence):
    with pytest.raises(ValueError, match=sentence):
        sampled(size)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
