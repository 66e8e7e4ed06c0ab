"""Times of rounds: closed forms, and the tables of the definitions."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from byzsgd.codes import tree
from byzsgd.schemes.tree import tree_receptions
from byzsgd.schemes.work import busy_seconds, receptions

ROUNDS = 600
N = 20
COMPUTE = 0.05 + np.random.default_rng(0).exponential(0.05, (ROUNDS, N))  # seconds of 1/N of the data
# 4000 rounds of another implementation, by seconds of a message.
TABLE = {
    0.005: {"uncoded": 0.237, "gc": 0.636, "ignore": 0.141, "ring": 0.239, "tree 0": 0.237, "tree 1": 0.438},
    0.05: {"uncoded": 1.052, "gc": 1.063, "ignore": 0.853, "ring": 0.325, "tree 0": 0.456, "tree 1": 0.546},
    0.5: {"uncoded": 10.05, "gc": 8.26, "ignore": 8.05, "ring": 1.18, "tree 0": 4.05, "tree 1": 3.18},
}


def of_tree(children, layers, stragglers, compute, busy):
    """(rounds,) when the root has decoded, of (rounds, N) seconds of uncoded shares."""
    made = tree(children, layers, stragglers)
    load = made.load * made.num_workers
    ways = [0.0] * made.num_workers
    met = [tree_receptions(made, (row * load).tolist(), ways, busy)[:children] for row in compute]
    return np.array([max(time for time in row if time < math.inf) for row in met])


def of_master(stragglers, load, compute, busy):
    """(rounds,) when one receiver has all messages but `stragglers`."""
    return np.array(
        [sorted(receptions((row * load).tolist(), [0.0] * len(row), busy))[-1 - stragglers] for row in compute]
    )


@pytest.mark.parametrize("busy", TABLE)
def test_times_of_one_round_are_those_of_the_table(busy):
    found = {
        "uncoded": of_master(0, 1, COMPUTE, busy),
        "gc": of_master(4, 5, COMPUTE, busy),
        "ignore": of_master(4, 1, COMPUTE, busy),
        "ring": COMPUTE.max(1) + 2 * (N - 1) * busy / N,
        "tree 0": of_tree(4, 2, 0, COMPUTE, busy),
        "tree 1": of_tree(4, 2, 1, COMPUTE, busy),
    }
    for name, times in found.items():
        printed = 0.0005 if TABLE[busy][name] < 2 else 0.005
        error = 3 * times.std() / (ROUNDS**-0.5 + 4000**-0.5) ** -1 + printed
        assert times.mean() == pytest.approx(TABLE[busy][name], abs=error), name


@pytest.mark.parametrize("k", [1, 12, 16, 20])
def test_order_statistics_of_shifted_exponentials(k):
    """E T_(k:n) = shift + mean·(H_n − H_{n−k}), messages that take no time."""
    times = of_master(N - k, 1, COMPUTE, 0.0)
    harmonic = sum(1 / i for i in range(N - k + 1, N + 1))
    assert times.mean() == pytest.approx(0.05 + 0.05 * harmonic, abs=3 * times.std() / ROUNDS**0.5)


@pytest.mark.parametrize(("stragglers", "busy"), [(0, 0.01), (1, 0.01), (2, 0.2)])
def test_a_tree_is_no_faster_than_its_bounds(stragglers, busy):
    """T ≥ a·m + L(n − s)·t_c and T ≥ T_(n−s:n) + t_c of the root's children."""
    times = of_tree(4, 2, stragglers, COMPUTE[:100], busy)
    load = tree(4, 2, stragglers).load * N
    assert (times >= 0.05 * load + 2 * (4 - stragglers) * busy * (1 - 1e-9)).all()
    own = np.sort(COMPUTE[:100, :4] * load, axis=1)[:, 3 - stragglers]
    assert (times >= own + busy * (1 - 1e-9)).all()


def test_the_published_speed_ups_and_what_they_need():
    """N = 156 as (12, 2), messages of .01 of the uncoded work, 8 workers 90 times slower, at most 3 of a family."""
    compute = np.ones((1, 156))
    compute[0, [0, 12, 13, 14, 24, 25, 26, 36]] = 90.0
    (reduced,) = of_tree(12, 2, 3, compute, 0.01)
    ring = 90 + 2 * 155 * 0.01 / 156
    assert reduced == pytest.approx(13.2, abs=0.05)
    assert ring / reduced == pytest.approx(6.8, abs=0.05)
    (coded,) = of_master(3, 4, compute, 0.01)
    assert coded / reduced == pytest.approx(27.3, abs=0.05)
    (enough,) = of_master(8, 9, compute, 0.01)
    assert enough == pytest.approx(10.5, abs=0.05)  # with s = 8 gradient coding is faster than the tree


def test_one_receiver_serves_in_the_order_of_readiness():
    """By hand: t ← max(t, ready) + 2."""
    assert receptions([5.0, 1.0, 1.0, 20.0], [9.0] * 4, 2.0) == [7.0, 3.0, 5.0, 22.0]
    assert receptions([5.0, 1.0], [0.5, 3.0], None) == [5.5, 4.0]
    assert busy_seconds(SimpleNamespace(latency=1.0, per_message=2.0, bandwidth=4.0), 8) == 5.0
    assert busy_seconds(None, 8) == 0.0
