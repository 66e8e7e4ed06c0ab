"""Several seeds as one number: which statistic, and what a run is worth that was lost."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from byzsgd.analysis.estimates import estimate, named, summary

LOST = -math.inf


def test_few_seeds_have_their_range():
    found = estimate([0.3, 0.9, 0.4])
    assert (found.middle, found.low, found.high, found.count, found.lost) == (0.4, 0.3, 0.9, 3, 0)
    assert found.text(2) == "0.40 (0.30 … 0.90)"
    assert estimate([0.5]).text(2) == "0.50"


def test_many_seeds_have_the_interval_of_all_resamples():
    # All 6^6 resamples in place of 2000: the quantiles of their medians.
    values = [0.1, 0.2, 0.4, 0.5, 0.8, 0.9]
    medians = np.median(list(product(values, repeat=6)), axis=1)
    found = estimate(values)
    assert found.middle == pytest.approx(0.45)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(medians, [0.025, 0.975])), abs=0.03)
    assert found.text(1) == f"0.5 [{found.low:.1f}, {found.high:.1f}]"
    assert estimate(values) == found  # a stream of its own


def test_a_lost_run_is_the_worst_and_in_no_interval():
    found = estimate([0.94, LOST, 0.95])
    assert (found.middle, found.low, found.high, found.lost) == (0.94, 0.94, 0.95, 1)
    assert found.text(2) == "2/3 ok, median 0.94"
    assert estimate([0.042, math.inf, math.inf, math.inf]).text() == "1/4 ok (0.042)"
    assert estimate([0.042, math.inf, math.inf, math.inf]).middle == math.inf
    assert estimate([LOST, LOST]).text() == "diverged"
    many = estimate([LOST, *np.linspace(0.5, 0.6, 7)])
    assert 0.5 <= many.low < many.high <= 0.6


def test_what_is_not_known_does_not_count():
    assert estimate([1.0, math.nan, 3.0]).count == 2
    assert estimate([]).text() == estimate([math.nan]).text() == "–"
    assert math.isnan(estimate([LOST, math.inf]).middle)  # differences of pairs, of which either was lost


def test_curves_lose_runs_on_the_way():
    middle, low, high = summary(np.array([[0.1, 0.2, 0.3], [0.3, 0.4, LOST], [0.2, 0.6, 0.9]]))
    assert middle.tolist() == [0.2, 0.4, 0.3]
    assert low.tolist() == [0.1, 0.2, 0.3]
    assert high.tolist() == [0.3, 0.6, 0.9]


def test_the_statistic_is_named():
    assert named([1, 1]) == ""
    assert named([1, 3]) == "median and range of the seeds"
    assert named([6]) == "median and 95 % bootstrap interval"
    assert "up to 5 seeds" in named([5, 6])


def test_signs_are_written():
    assert estimate([-0.5]).text(1, sign=True) == "−0.5"
    assert estimate([0.5]).text(1, sign=True) == "+0.5"
