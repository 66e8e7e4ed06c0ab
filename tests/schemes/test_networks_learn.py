"""What networks reach on digits, a ring of 8: medians of three seeds."""

from __future__ import annotations

import functools
import statistics

import pytest

import byzsgd

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
