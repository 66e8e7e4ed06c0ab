"""What networks reach on digits: medians of three seeds."""

from __future__ import annotations

import functools
import statistics

import pytest

import byzsgd
from byzsgd.records.checkpoints import NODES, load_params

RING = ("num_workers=8", "num_byzantine=0", "budget.arrivals=3200", "eval_every=3200")
FEW_BITS = {  # slack and margin that few bits need; the rest by default
    8: (),
    4: (),
    1: ("scheme.exchange.gamma=.1", "scheme.exchange.pilot_factor=6"),
}


@functools.cache
def accuracy(*settings):
    """The median over three seeds of the last test accuracy of the mean of all models."""
    runs = [byzsgd.experiment(*RING, *settings, f"seed={seed}").run() for seed in range(3)]
    return statistics.median(run.metrics["test_accuracy"][-1] for run in runs)


@pytest.mark.slow
@pytest.mark.parametrize(("bits", "within"), [(8, 0.01), (4, 0.01), (1, 0.03)])
def test_moniqua_learns_what_whole_models_learn(bits, within):
    codes = ("scheme=d_psgd", "scheme/exchange=moniqua", f"scheme.exchange.bits={bits}", *FEW_BITS[bits])
    assert accuracy(*codes) >= accuracy("scheme=d_psgd") - within


@pytest.mark.slow
def test_d2_learns_from_sorted_labels_what_d_psgd_misses():
    apart = ("partition=extreme",)
    assert accuracy("scheme=d2", *apart) > accuracy("scheme=d_psgd", *apart)


def on_the_dumbbell(rule, folder):
    """Medians over three seeds: the accuracies of the mean of all models, and of the means of both cliques."""
    rows = []
    for seed in range(3):
        made = byzsgd.experiment("experiment=clipped_gossip", f"scheme/rule={rule}", f"seed={seed}", "eval_every=9000")
        run = made.run(folder / f"{rule}-{seed}")
        nodes, problem = load_params(folder / f"{rule}-{seed}", NODES), made.prepare().problem
        halves = [problem.accuracy(nodes[half].mean(0)) for half in (slice(5), slice(5, 10))]
        rows.append((run.metrics["test_accuracy"][-1], *halves))
    return [statistics.median(column) for column in zip(*rows, strict=True)]


@pytest.mark.slow
def test_rules_that_drop_what_is_far_cut_the_bridge_and_clipping_does_not(tmp_path):
    """A clique that hears nothing of the other one knows its own half of the classes and no more."""
    plain, clipped = on_the_dumbbell("mean", tmp_path), on_the_dumbbell("clipped", tmp_path)
    assert abs(plain[0] - clipped[0]) <= 0.02
    assert min(plain[0], clipped[0]) > 0.88
    assert min(*plain[1:], *clipped[1:]) > 0.8
    for rule in ("bridge", "trimmed_mean"):
        together, *halves = on_the_dumbbell(rule, tmp_path)
        assert together < 0.7
        assert max(halves) < 0.55


@pytest.mark.slow
def test_clipping_holds_where_liars_outnumber_the_honest_at_a_node():
    """Under dissensus; the geometric median and the trimmed mean ask for a majority at every node."""

    def outcomes(*settings):
        runs = [
            byzsgd.experiment(*settings, "attack=dissensus", "eval_every=4800", f"seed={seed}") for seed in range(3)
        ]
        return [made.run() for made in runs]

    held = outcomes("experiment=broken_majority_clipped")
    assert statistics.median(run.metrics["test_accuracy"][-1] for run in held) > 0.8
    for rule in ("rfa", "trimmed_mean"):
        lost = outcomes("experiment=broken_majority", f"scheme/rule={rule}")
        assert all(run.info["status"] == "diverged" or run.metrics["test_accuracy"][-1] < 0.3 for run in lost)
