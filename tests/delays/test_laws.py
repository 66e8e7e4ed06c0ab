"""Every law of time: its numbers against its own theory, and against SciPy's."""

import numpy as np
import pytest
from scipy import stats

from byzsgd.kernel.randomness import Streams

from .conftest import SECONDS, STALENESS

SAMPLES = 200_000


def uniforms(name, size=SAMPLES):
    return Streams(20).generator(f"tests/{name}").random(size)


@pytest.mark.parametrize("name", SECONDS + STALENESS)
def test_empirical_law_is_the_theoretical_one(configure, name):
    law = configure(name)
    sample = law.quantile(uniforms(name)).astype(float)
    assert (sample >= 0).all() and np.isfinite(sample).all()
    for point in np.unique(np.quantile(sample, [0.001, 0.1, 0.5, 0.9, 0.99, 0.999], method="inverted_cdf")):
        for at in (point, point * (1 - 1e-9) - 1e-300):  # steps from both sides
            p = float(law.cdf(np.array(at)))
            assert abs((sample <= at).mean() - p) <= 4 * np.sqrt(p * (1 - p) / SAMPLES) + 1e-12, at
    if law.variance == np.inf:
        return
    assert abs(sample.mean() - law.expectation) <= 4 * np.sqrt(law.variance / SAMPLES) + 1e-12
    squares = (sample - law.expectation) ** 2
    if name not in ("lognormal", "weibull"):  # whose fourth moments no sample of this size shows
        assert abs(squares.mean() - law.variance) <= 4 * squares.std() / np.sqrt(SAMPLES) + 1e-12


@pytest.mark.parametrize("name", SECONDS + STALENESS)
def test_quantiles_never_decrease_and_start_at_the_end_of_the_support(configure, name):
    law = configure(name)
    grid = np.concatenate([[0.0, 2.0**-53], np.linspace(0.001, 0.999, 999), [1 - 2.0**-53]])
    values = law.quantile(grid)
    assert (np.diff(values) >= 0).all()
    assert np.isfinite(values).all() and values[0] >= 0


CONTINUOUS = {
    "uniform": stats.uniform(0.5, 1.0),
    "exponential": stats.expon(scale=1.0),
    "shifted_exponential": stats.expon(0.5, 0.5),
    "normal": stats.truncnorm(-5.0, np.inf, 1.0, 0.2),
    "gamma": stats.gamma(2.0, scale=0.5),
    "lognormal": stats.lognorm(1.0, scale=np.exp(-0.5)),
    "pareto": stats.pareto(1.5, scale=1 / 3),
    "weibull": stats.weibull_min(0.5, scale=0.5),
}


@pytest.mark.parametrize("name", CONTINUOUS)
def test_formulas_are_those_of_scipy(configure, name):
    law, reference = configure(name), CONTINUOUS[name]
    grid = np.linspace(1e-6, 1 - 1e-6, 1001)
    np.testing.assert_allclose(law.quantile(grid), reference.ppf(grid), rtol=1e-9)
    seconds = np.concatenate([[-1.0, 0.0], np.geomspace(0.01, 100, 200)])
    np.testing.assert_allclose(law.cdf(seconds), reference.cdf(seconds), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(law.expectation, reference.mean(), rtol=1e-9)
    np.testing.assert_allclose(law.variance, reference.var(), rtol=1e-6)


def test_a_normal_law_far_on_the_negative_side_is_still_a_law(configure):
    law = configure("normal", "delay.mean=-2.0", "delay.std=1.0")
    reference = stats.truncnorm(2.0, np.inf, -2.0, 1.0)
    grid = np.linspace(1e-6, 1 - 1e-6, 1001)
    np.testing.assert_allclose(law.quantile(grid), reference.ppf(grid), rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose([law.expectation, law.variance], [reference.mean(), reference.var()], rtol=1e-9)


@pytest.mark.parametrize(("shape", "mean", "variance"), [(0.9, np.inf, np.inf), (1.5, 3.0, np.inf), (3.0, 1.5, 0.75)])
def test_pareto_moments_by_hand(configure, shape, mean, variance):
    law = configure("pareto", f"delay.shape={shape}", "delay.scale=1.0")
    assert (law.expectation, law.variance) == (mean, variance)


def test_the_default_laws_have_mean_one(configure):
    for name in SECONDS:
        if name != "trace":
            assert configure(name).expectation == pytest.approx(1.0), name


def test_d1_and_d2_are_those_of_fleet(configure):
    for name, mean, std, top in (("d1", 6, 2, 12), ("d2", 12, 4, 24)):
        law = configure(name)
        rounded = np.round(np.maximum(0, stats.norm(mean, std).ppf((np.arange(10**6) + 0.5) / 10**6)))
        counts = np.bincount(np.minimum(rounded, top).astype(int), minlength=top + 1) / 10**6
        np.testing.assert_allclose(law.probabilities, counts, atol=2e-6)
        assert law.expectation == pytest.approx(mean, abs=0.01)
        assert law.variance == pytest.approx(std**2, rel=0.03)


def test_staleness_laws_by_hand(configure):
    np.testing.assert_array_equal(configure("staleness_constant", "delay.max=2").probabilities, [0, 0, 1])
    uniform = configure("staleness_uniform", "delay.max=3")
    np.testing.assert_allclose(uniform.probabilities, [0.25] * 4)
    np.testing.assert_array_equal(uniform.quantile(np.array([0.0, 0.2499, 0.25, 0.5, 0.9999])), [0, 0, 1, 2, 3])
    law = configure("staleness_geometric", "delay.probability=0.5", "delay.max=3")
    np.testing.assert_allclose(law.probabilities, [0.5, 0.25, 0.125, 0.125])  # the tail counts as max
    assert law.expectation == 0.875


def draws_of(uniform):
    return lambda serials: uniform[:, serials.start : serials.stop]


@pytest.mark.parametrize(("slow_down", "recover"), [(0.1, 0.2), (0.002, 0.004), (0.4, 0.6)])
def test_markov_spells_against_a_chain_played_one_by_one(configure, slow_down, recover):
    law = configure("markov", f"delay.slow_down={slow_down}", f"delay.recover={recover}")
    uniform = uniforms("markov", 5 * 3000).reshape(5, 3000)
    whole = law.seconds(draws_of(uniform), range(5), range(3000))
    for worker in range(5):
        slow = uniform[worker, 0] >= recover / (slow_down + recover)
        for serial in range(3000):
            u = uniform[worker, serial]
            if serial:
                slow = (slow and u >= recover) or (not slow and recover <= u < slow_down + recover)
            assert whole[worker, serial] == (law.slow if slow else law.fast)
    for start in (1, 63, 64, 65, 500, 2990):  # any part alone is the same
        part = law.seconds(draws_of(uniform), range(5), range(start, start + 10))
        np.testing.assert_array_equal(part, whole[:, start : start + 10])


def test_markov_transitions_and_correlation(configure):
    law = configure("markov", "delay.slow_down=0.1", "delay.recover=0.2", "delay.fast=1.0", "delay.slow=2.0")
    slow = law.seconds(draws_of(uniforms("chain").reshape(100, -1)), range(100), range(SAMPLES // 100)) == 2.0
    before, after = slow[:, :-1], slow[:, 1:]
    for state, probability in ((False, 0.1), (True, 0.8)):
        count = (before == state).sum()
        error = np.sqrt(probability * (1 - probability) / count)
        assert abs(after[before == state].mean() - probability) <= 4 * error
    lag3 = np.corrcoef(slow[:, :-3].ravel(), slow[:, 3:].ravel())[0, 1]
    assert abs(lag3 - 0.7**3) < 0.02


def test_a_trace_is_replayed(configure):
    law = configure("trace")
    law.check(3)
    seconds = law.seconds(draws_of(np.zeros((3, 20))), range(3), range(2, 7))
    np.testing.assert_allclose(seconds[1], [1.0, 1.2, 0.6, 0.8, 1.0])
    ended = configure("trace", "delay.repeat=false").seconds(draws_of(np.zeros((3, 20))), range(3), range(2, 7))
    np.testing.assert_allclose(ended[1], [1.0, 1.2, np.inf, np.inf, np.inf])


def test_a_trace_may_be_parquet_in_any_order(configure, tmp_path):
    import polars

    frame = polars.read_csv(tmp_path / "durations.csv").sample(fraction=1.0, shuffle=True, seed=1)
    frame.write_parquet(tmp_path / "durations.parquet")
    shuffled = configure("trace", f"delay.path={tmp_path}/durations.parquet")
    for jobs, expected in zip(shuffled.jobs, configure("trace").jobs, strict=True):
        np.testing.assert_array_equal(jobs, expected)


SCIPY_NAMES = set(CONTINUOUS)


def test_every_continuous_law_is_compared():
    missing = set(SECONDS) - SCIPY_NAMES - {"constant", "two_speed", "markov", "trace"}
    assert not missing, f"CONTINUOUS in tests/delays/test_laws.py needs SciPy's law for {', '.join(sorted(missing))}"
