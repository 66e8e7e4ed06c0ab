"""Every member as its YAML file configures it, and every refusal in one line."""

import inspect

import numpy as np
import pytest
from hydra.errors import InstantiationException
from hydra.utils import get_class

from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.randomness import Streams

from .conftest import CONF, SECONDS, STALENESS, members

AROUND = {"communication", "heterogeneity", "availability", "byzantine"}
GROUPS = [("", name) for name in SECONDS + STALENESS] + [
    (group, name) for group in sorted(AROUND) for name in members(group) if (group, name) != ("communication", "none")
]


def pick(configure, group, name, *overrides, **options):
    parts = (f"delay/{group}={name}",) if group else ()
    return configure("exponential" if group else name, *parts, *overrides, **options)


@pytest.mark.parametrize(("group", "name"), GROUPS)
def test_a_yaml_file_spells_every_parameter(configure, group, name):
    node = pick(configure, group, name, node=True)
    node = node[group] if group else node
    target = get_class(node["_target_"])
    parameters = set(inspect.signature(target).parameters) - (
        AROUND if group in ("byzantine", "communication") else set()
    )
    assert set(node) - {"_target_"} == parameters


@pytest.mark.parametrize(("group", "name"), GROUPS)
def test_a_member_says_what_it_is(configure, group, name):
    node = pick(configure, group, name, node=True)
    target = get_class((node[group] if group else node)["_target_"])
    assert target.__doc__ and not target.__doc__.startswith(f"{target.__name__}(*")
    assert target.__doc__.splitlines()[0].endswith(".")


@pytest.mark.parametrize(("group", "name"), GROUPS)
def test_a_member_runs(configure, group, name):
    """300 turns of three workers: time never runs backwards, serials go up by worker."""
    fewer = ["delay.availability.first_bidders=2"] if name == "spot_two_bids" else []
    clock = build_clock(pick(configure, group, name, *fewer), Streams(2), 3, (2,))
    state, last, serials = clock.init(3), 0.0, [-1, -1, -1]
    for worker in range(3):
        clock.dispatch(state, worker, 0, 0.0, clock.seconds(state, worker))
    for step in range(300):
        turn = clock.peek(state, step)
        assert turn is not None and last <= turn.time < np.inf
        clock.pop(state)
        last = turn.time
        if turn.job is not None:
            assert turn.job.serial > serials[turn.worker]
            assert 0 <= turn.job.read_at <= step
            serials[turn.worker] = turn.job.serial
        clock.dispatch(state, turn.worker, step + 1, turn.time, clock.seconds(state, turn.worker))
    assert clock.cost(0.0, last) >= 0.0
    assert (clock.cost(0.0, last) > 0.0) == clock.priced


def test_heterogeneity_factors(configure):
    def factors(name, n, *overrides):
        part = configure("exponential", f"delay/heterogeneity={name}", *overrides).heterogeneity
        return part.factors(n, np.random.default_rng(0))

    np.testing.assert_array_equal(factors("equal", 4), [1, 1, 1, 1])
    np.testing.assert_array_equal(factors("linear", 4), [1, 2, 3, 4])
    np.testing.assert_allclose(factors("sqrt", 4), [1, 2**0.5, 3**0.5, 2])
    np.testing.assert_allclose(factors("sqrt", 4, "delay.heterogeneity.offset=1.0"), [2, 1 + 2**0.5, 1 + 3**0.5, 3])
    np.testing.assert_array_equal(factors("square", 4), [1, 4, 9, 16])
    # arrivals in proportion to id and to its square, as many in all as of equal workers
    np.testing.assert_allclose(1 / factors("rates", 3), [0.5, 1.0, 1.5])
    np.testing.assert_allclose(1 / factors("rates", 3, "delay.heterogeneity.power=2"), np.array([1, 4, 9]) * 3 / 14)
    np.testing.assert_array_equal(factors("rates", 3, "delay.heterogeneity.power=0"), [1, 1, 1])
    np.testing.assert_array_equal(factors("stragglers", 4, "delay.heterogeneity.count=2"), [1, 1, 100, 100])
    np.testing.assert_array_equal(factors("list", 3), [1, 2, 3])
    assert (1 / factors("dirichlet", 50)).sum() == pytest.approx(50)  # speeds are shares of the whole
    logs = np.log(factors("lognormal", 10_000))
    assert abs(logs.mean()) < 4 * 0.5 / 100 and abs(logs.std() - 0.5) < 4 * 0.5 / 2**0.5 / 100


def refuse(name, setting, message):
    """("pareto", "shape=-1", …) for a law, ("availability=crash", "at=-1", …) for a part of exponential."""
    group, _, member = name.rpartition("=")
    if not group:
        return name, [f"delay.{setting}"], message
    return "exponential", [f"delay/{group}={member}", f"delay.{group}.{setting}"], message


REFUSED = [
    refuse("constant", "value=-1", "constant delay needs 0 < value < inf; got value=-1"),
    refuse("uniform", "low=-0.5", "uniform delay needs 0 <= low < high < inf; got low=-0.5, high=1.5"),
    refuse("exponential", "mean=0", "exponential delay needs 0 < mean < inf; got mean=0"),
    refuse(
        "shifted_exponential",
        "shift=-1",
        "shifted_exponential delay needs 0 <= shift < inf and 0 < mean < inf; got",
    ),
    refuse("normal", "mean=-2", "normal delay needs 0 < std < inf and mean > -8 std; got mean=-2, std=0.2"),
    refuse("gamma", "shape=0", "gamma delay needs 0 < shape < inf and 0 < scale < inf; got shape=0, scale=0.5"),
    refuse("lognormal", "sigma=-1", "lognormal delay needs a finite mu and 0 < sigma < inf; got mu=-0.5, sigma=-1"),
    refuse("pareto", "scale=-1", "pareto delay needs 0 < shape < inf and 0 < scale < inf; got shape=1.5, scale=-1"),
    refuse("weibull", "shape=-1", "weibull delay needs 0 < shape < inf and 0 < scale < inf; got shape=-1, scale=0.5"),
    refuse("two_speed", "slow=0.1", "two_speed delay needs 0 < fast <= slow < inf; got fast=0.5, slow=0.1"),
    refuse("two_speed", "probability=1.1", "two_speed delay needs 0 <= probability <= 1; got probability=1.1"),
    refuse("markov", "recover=0", "markov delay needs slow_down > 0, recover > 0 and slow_down + recover <= 1; got"),
    refuse("trace", "path=none.csv", "trace delay needs an existing file; got path=none.csv"),
    refuse("trace", "path={w}", "trace delay needs the workers 0 … 2 in {w}; got last_worker=3"),
    refuse("trace", "path={gap}", "trace delay needs jobs without a gap in {gap}; got worker=1, missing_serial=1"),
    refuse("trace", "path={ids}", "trace delay needs worker ids without a gap in {ids}; got missing_worker=1"),
    refuse(
        "trace",
        "path={neg}",
        "trace delay needs 0 < seconds < inf in {neg}; got worker=2, serial=0, seconds=-1.0",
    ),
    refuse("trace", "path={text}", "trace delay needs a number in every row of the column seconds in {text}; got"),
    refuse(
        "trace",
        "path={stays}",
        "trace delay needs the columns worker, serial, seconds in {stays}; got missing=serial, seconds",
    ),
    refuse("d1", "std=-2", "staleness_normal needs a finite mean and 0 < std < inf; got mean=6.0, std=-2"),
    refuse("d1", "max=-1", "prescribed staleness needs an integer max of 0 to 1000000; got max=-1"),
    refuse("staleness_constant", "max=-1", "prescribed staleness needs an integer max of 0 to 1000000; got max=-1"),
    refuse("staleness_uniform", "max=1.5", "prescribed staleness needs an integer max of 0 to 1000000; got max=1.5"),
    refuse(
        "staleness_geometric",
        "probability=0",
        "staleness_geometric needs 0 < probability <= 1; got probability=0",
    ),
    refuse("byzantine=same", "speed=0", "delay.byzantine needs 0 < speed < inf; got speed=0"),
    refuse("byzantine=pareto", "shape=-1", "pareto delay needs"),
    refuse("heterogeneity=sqrt", "offset=-1", "sqrt heterogeneity needs offset >= 0"),
    refuse("heterogeneity=rates", "power=-1", "rates heterogeneity needs 0 <= power < inf; got power=-1"),
    refuse("heterogeneity=rates", "power=1e6", "rates heterogeneity needs speeds above 0 (a smaller power)"),
    refuse("heterogeneity=dirichlet", "concentration=0", "dirichlet heterogeneity needs"),
    refuse("heterogeneity=lognormal", "sigma=0", "lognormal heterogeneity needs"),
    refuse("heterogeneity=stragglers", "count=4", "stragglers needs count <= n; got count=4"),
    refuse("heterogeneity=stragglers", "factor=0", "stragglers needs count >= 0 and"),
    refuse(
        "heterogeneity=list",
        "values=[1,2]",
        "list heterogeneity needs one value per worker; got values=2, num_workers=3",
    ),
    refuse("heterogeneity=list", "values=[1,0,2]", "list heterogeneity needs 0 < values < inf; got worker=1, value=0"),
    refuse("availability=always", "price=-1", "always available needs 0 <= price < inf; got price=-1"),
    refuse("availability=crash", "workers=[3]", "crash needs worker ids in 0 … 2; got worker=3"),
    refuse("availability=crash", "at=-1", "crash needs at >= 0; got at=-1"),
    refuse("availability=bernoulli", "probability=0", "bernoulli availability needs 0 < probability <= 1"),
    refuse("availability=bernoulli", "slot=0", "bernoulli availability needs 0 < slot < inf; got slot=0"),
    refuse("availability=periodic", "share=1", "periodic availability needs 0 < share < 1; got share=1"),
    refuse("availability=periodic", "blocks=0", "periodic availability needs blocks >= 1"),
    refuse("availability=periodic", "period=0", "periodic availability needs 0 < period < inf"),
    refuse("availability=preemptible", "probability=1", "preemptible availability needs 0 <= probability < 1"),
    refuse("availability=preemptible", "growth=0.5", "preemptible availability needs 1 <= growth < inf"),
    refuse("availability=preemptible", "initial=0", "preemptible availability needs initial >= 1, or null"),
    refuse("availability=spot", "bid=0.1", "spot availability needs bids that the price reaches; got bid=0.1"),
    refuse("availability=spot", "second_bid=0.3", "spot availability needs second_bid and first_bidders together"),
    refuse(
        "availability=spot_two_bids",
        "bid=0.8",
        "spot availability needs 0 <= first_bidders <= 3; got first_bidders=5",
    ),
    # values that nothing could be computed with, or not to its end
    refuse("staleness_uniform", "max=1000000000", "prescribed staleness needs an integer max of 0 to 1000000"),
    refuse("d1", "mean=nan", "staleness_normal needs a finite mean"),
    refuse("exponential", "mean=1e-320", "delay needs a typical job of 1e-300 to 1e+300 seconds"),
    refuse("constant", "value=1e301", "delay needs a typical job of 1e-300 to 1e+300 seconds"),
    refuse("communication=constant", "value=1e-320", "delay needs a typical job of 1e-300 to 1e+300 seconds"),
    refuse("heterogeneity=lognormal", "sigma=1e300", "delay.heterogeneity needs 0 < factors < inf"),
    refuse("availability=bernoulli", "slot=1e-30", "delay.availability needs spans of presence of at least a"),
    refuse("availability=periodic", "period=1e-30", "delay.availability needs spans of presence of at least a"),
    refuse("availability=periodic", "share=1e-30", "delay.availability needs spans of presence of at least a"),
    refuse("availability=bernoulli", "probability=1e-30", "bernoulli availability needs a worker that is there in"),
    refuse("availability=preemptible", "probability=0.99999999", "preemptible availability needs a worker that is"),
    refuse("availability=spot", "bid=0.2000000001", "spot availability needs a worker that is there in"),
    refuse(
        "availability=trace",
        "path={overlap}",
        "trace availability needs no overlap in {overlap}; got worker=0, start=2.0, before=3.0",
    ),
    refuse(
        "availability=trace",
        "path={back}",
        "trace availability needs 0 <= start < finish < inf in {back}; got worker=0, start=2.0, finish=1.0",
    ),
]

FILES = {
    "w": "worker,serial,seconds\n0,0,1\n1,0,1\n2,0,1\n3,0,1\n",
    "gap": "worker,serial,seconds\n0,0,1\n1,0,1\n1,2,1\n2,0,1\n",
    "ids": "worker,serial,seconds\n0,0,1\n2,0,1\n",
    "neg": "worker,serial,seconds\n0,0,1\n1,0,1\n2,0,-1\n",
    "text": "worker,serial,seconds\n0,0,1\n1,0,soon\n2,0,1\n",
    "stays": "worker,start,finish\n0,0,1\n",
    "overlap": "worker,start,finish\n0,0,3\n0,2,5\n1,0,1\n2,0,1\n",
    "back": "worker,start,finish\n0,2,1\n1,0,1\n2,0,1\n",
}


@pytest.mark.parametrize(("name", "overrides", "message"), REFUSED)
def test_bad_input_is_refused_in_one_line(configure, tmp_path, name, overrides, message):
    paths = {key: str(tmp_path / f"{key}.csv") for key in FILES}
    for key, text in FILES.items():
        (tmp_path / f"{key}.csv").write_text(text)
    overrides = [override.format(**paths) if ".path=" in override else override for override in overrides]
    with pytest.raises((ValueError, InstantiationException)) as caught:
        build_clock(configure(name, *overrides), Streams(0), 3, (2,))
    error = caught.value.__cause__ if isinstance(caught.value, InstantiationException) else caught.value
    assert isinstance(error, ValueError)
    expected = message.format(**paths) if "{" in message else message
    assert str(error).startswith(expected) and "\n" not in str(error)


def test_the_liars_own_law_and_the_communication_are_checked_like_any_other(configure, tmp_path):
    with pytest.raises(ValueError, match="trace delay needs the workers 0 … 4"):
        build_clock(configure("exponential", "delay/byzantine=trace"), Streams(0), 5, (1,))
    with pytest.raises(ValueError, match="trace delay needs the workers 0 … 4"):
        build_clock(configure("exponential", "delay/communication=trace"), Streams(0), 5, (1,))


def test_prescribed_laws_take_nothing_around_them(configure):
    from hydra.errors import ConfigCompositionException

    for override in ("delay.byzantine.speed=10", "delay/availability=crash"):
        with pytest.raises(ConfigCompositionException):
            configure("d1", override)


def test_no_yaml_file_is_left_out():
    assert len(GROUPS) + 1 == len(list((CONF / "delay").rglob("*.yaml")))
