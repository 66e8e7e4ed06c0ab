"""What the decorator does for every member: input in any kind, one-line errors, lifting to a part of a server."""

import functools
import math

import numpy as np
import pytest
import torch
import yaml
from members import CONF, PREAGGREGATORS, RULES, WEIGHTED, bound, declaration, member, settings

from byzsgd.aggregators import preaggregators, rules
from byzsgd.aggregators.declaration import NonFiniteRows, lift
from byzsgd.interfaces import ServerContext

D = 6


def context(**given):
    streams = {"stream": lambda name, step: np.random.default_rng([len(name), step])}
    gradient = {"trusted_gradient": lambda params: 2 * params}
    return ServerContext(num_workers=9, params=torch.ones(D, dtype=torch.float64), **{**streams, **gradient, **given})


def rows(seed=0, k=11):
    return torch.tensor(np.random.default_rng(seed).normal(size=(k, D)))


@pytest.mark.parametrize("name", RULES + PREAGGREGATORS)
def test_answers_in_kind(name):
    x = rows()
    wanted = bound(name, 1, D)(x)
    assert torch.equal(bound(name, 1, D)(list(x)), wanted)
    for arrays in (x.numpy(), list(x.numpy()), x.numpy()[::-1][::-1]):
        got = bound(name, 1, D)(arrays)
        assert isinstance(got, np.ndarray)
        np.testing.assert_array_equal(got, wanted.numpy())
    frozen = x.numpy().copy()
    frozen.flags.writeable = False
    np.testing.assert_array_equal(bound(name, 1, D)(frozen), wanted.numpy())
    learning = x.clone().requires_grad_()
    assert not bound(name, 1, D)(learning).requires_grad


@pytest.mark.parametrize("name", RULES + PREAGGREGATORS)
@pytest.mark.parametrize(
    ("bad", "needs"),
    [
        (torch.empty(0, 3), r"a \(k, d\) tensor or k vectors of length d, .*; got shape=\(0, 3\)"),
        (torch.empty(3, 0), r"a \(k, d\) tensor or k vectors of length d, .*; got shape=\(3, 0\)"),
        (torch.ones(4), r"a \(k, d\) tensor or k vectors of length d, .*; got shape=\(4,\)"),
        ([], "a .* tensor, or tensors or arrays of length d; got rows=0"),
        ([torch.ones(2), torch.ones(3)], "vectors of one length and one type; got"),
        ([torch.ones(2), torch.ones(2).double()], "vectors of one length and one type; got"),
        ([torch.ones(1, 2), torch.ones(1, 2)], "vectors of one length and one type; got"),
        ([[1.0, 2.0]], "a .* tensor, or tensors or arrays of length d; got rows=1"),
        (torch.ones(3, 2, dtype=torch.int64), "rows of a floating-point type; got dtype=torch.int64"),
    ],
)
def test_refuses_what_are_no_rows(name, bad, needs):
    with pytest.raises(ValueError, match=f"^{name} needs {needs}") as error:
        bound(name, 0, D)(bad)
    assert "\n" not in str(error.value)


MESSAGES = [
    ("krum", 5, {"f": 2}, "krum needs k >= 2f+3; got k=5, f=2"),
    ("krum", 9, {"f": -1}, "krum needs an integer f >= 0; got f=-1"),
    ("krum", 9, {"f": 1.5}, "krum needs an integer f >= 0; got f=1.5"),
    ("krum", 9, {"f": 1, "neighbours": 9}, "krum needs 1 <= neighbours <= k-1; got k=9, neighbours=9"),
    ("multi_krum", 9, {"f": 2, "m": 8}, "multi_krum needs 1 <= m <= k-f; got k=9, f=2, m=8"),
    ("multi_krum", 9, {"f": 2, "m": 0}, "multi_krum needs 1 <= m <= k-f; got k=9, f=2, m=0"),
    ("bulyan", 10, {"f": 2}, "bulyan needs k >= 4f+3; got k=10, f=2"),
    ("monna", 5, {"f": 1, "pivot": 5}, "monna needs 0 <= pivot < k; got k=5, pivot=5"),
    ("rfa", 5, {"start": "best"}, "rfa needs start of median, mean, zero; got start=best"),
    ("flag", 5, {"dimension": 6}, "flag needs 1 <= dimension <= k; got k=5, dimension=6"),
    ("clipping", 5, {"radius": 0.0}, "clipping needs radius > 0; got radius=0.0"),
    ("bucketing", 5, {"size": 0}, "bucketing needs size >= 1; got size=0"),
] + [
    (name, 4, {"f": 2}, f"{name} needs k >= 2f+1; got k=4, f=2")
    for name in ("trimmed_mean", "meamed", "phocas", "mda", "mva", "smea", "caf", "cge", "monna", "aksel", "nnm", "arc")
]


@pytest.mark.parametrize(("name", "k", "given", "message"), MESSAGES)
def test_conditions_are_told_in_one_line_directly_and_before_any_data(name, k, given, message):
    with pytest.raises(ValueError) as error:
        member(name)(rows(0, k), **{**settings(name, 0, D), **given})
    assert str(error.value) == message
    if "pivot" in given:
        return  # a server knows no pivot but its own
    part = lift(functools.partial(member(name), **given))
    ahead = 1 if name == "monna" else 0
    with pytest.raises(ValueError) as error:
        part.check(k - ahead)
    assert str(error.value) == message


def test_wrong_and_missing_parameters_are_told_when_lifting_and_when_calling():
    with pytest.raises(TypeError, match=r"krum: got an unexpected keyword argument 'ff'; it takes \(vectors, f, "):
        lift(functools.partial(rules.krum, f=1, ff=2))
    with pytest.raises(TypeError, match="krum: missing a required (keyword-only )?argument: 'f'"):
        lift(rules.krum)
    with pytest.raises(TypeError, match="krum: missing a required (keyword-only )?argument: 'f'"):
        rules.krum(rows())
    with pytest.raises(TypeError, match="weighted_median: missing a required argument: 'weights'"):
        rules.weighted_median(rows())


class OwnPartial(functools.partial):
    """As Hydra's: functools.partial does not flatten it."""


def test_partials_are_unwrapped_and_the_outer_value_counts():
    inner = OwnPartial(rules.trimmed_mean, f=1)
    part = lift(functools.partial(inner, f=3))
    assert part.function.func is rules.trimmed_mean
    answer, _ = part.aggregate(part.init(context()), rows(), None, 0)
    assert torch.equal(answer, rules.trimmed_mean(rows(), f=3))


def test_what_is_stateful_already_stays_and_a_plain_callable_is_taken():
    part = lift(functools.partial(rules.krum, f=1))
    assert lift(part) is part

    own = lift(lambda vectors: vectors[0] * 2)
    assert own.check(4) == 4
    assert not own.weighted
    assert torch.equal(own.aggregate(own.init(context()), rows(), None, 0)[0], rows()[0] * 2)


@pytest.mark.parametrize("name", RULES + PREAGGREGATORS)
def test_every_yaml_spells_all_parameters_and_lifts(name):
    kind = "preaggregator" if name in PREAGGREGATORS else "rule"
    text = yaml.safe_load((CONF / kind / f"{name}.yaml").read_text())
    text = text[name] if kind == "preaggregator" else text
    assert text.pop("_target_") == f"byzsgd.aggregators.{kind}s.{name}"
    assert text.pop("_partial_") is True
    said = declaration(name)
    assert set(text) | set(said.feed.gives) == set(said.parameters)
    numbers = {"${f}": 1, "${share:${f},${num_workers}}": 0.2}
    values = {key: numbers.get(value, value) if isinstance(value, str) else value for key, value in text.items()}
    for key, value in values.items():
        default = said.parameters[key]
        assert key in ("f", "share") or value == default, f"{name}: {key}"
    part = lift(functools.partial(member(name), **values))
    assert part.weighted == (name in WEIGHTED)
    x = rows()
    handed_on = part.check(len(x))
    weights = torch.ones(len(x), dtype=x.dtype) if part.weighted else None
    state = part.init(context())
    answer, after = part.aggregate(state, x, weights, 3)
    again, _ = part.aggregate(state, x, weights, 3)
    assert torch.equal(answer, again)
    assert answer.shape == ((handed_on, D) if kind == "preaggregator" else (D,))
    assert answer is not after.centre


def test_centered_clipping_carries_its_centre_over_the_steps():
    part = lift(functools.partial(rules.centered_clipping, radius=0.5, steps=2))
    state, centre = part.init(context()), None
    for step in range(3):
        x = rows(step) + 2
        answer, after = part.aggregate(state, x, None, step)
        assert torch.equal(answer, rules.centered_clipping(x, radius=0.5, steps=2, centre=centre))
        answer_before, _ = part.aggregate(state, x, None, step)
        assert torch.equal(answer, answer_before), "aggregate changed its state"
        centre, state = answer.clone(), after
        answer.zero_()
        assert torch.equal(state.centre, centre), "the direction aliases the state"


def test_fltrust_and_monna_are_fed_with_the_trusted_gradient():
    given = context()
    x = rows() + 1
    part = lift(rules.fltrust)
    assert torch.equal(part.aggregate(part.init(given), x, None, 0)[0], rules.fltrust(x, trusted=2 * given.params))
    part = lift(functools.partial(rules.monna, f=2))
    in_front = torch.cat((2 * given.params[None], x))
    assert torch.equal(part.aggregate(part.init(given), x, None, 0)[0], rules.monna(in_front, f=2))
    assert part.check(4) == 1
    with pytest.raises(ValueError, match="monna needs k >= 2f\\+1; got k=4, f=2"):
        part.check(3)
    for plain in (rules.fltrust, functools.partial(rules.monna, f=1)):
        with pytest.raises(ValueError, match=r"needs trusted data \(dataset.trusted=100 .*\); got trusted=0"):
            lift(plain).init(context(trusted_gradient=None))
        part = lift(plain)
        with pytest.raises(NonFiniteRows, match="needs a finite trusted gradient"):
            part.aggregate(part.init(context(trusted_gradient=lambda params: params * math.nan)), x, None, 0)
    with pytest.raises(ValueError, match="monna in a server needs pivot = 0"):
        lift(functools.partial(rules.monna, f=1, pivot=2))


def test_randomness_comes_from_the_stream_of_the_rule_and_step():
    part = lift(functools.partial(preaggregators.bucketing, size=3))
    state = part.init(context())
    for step in (0, 5):
        drawn = np.random.default_rng([len("bucketing"), step])
        wanted = preaggregators.bucketing(rows(), size=3, rng=drawn)
        assert torch.equal(part.aggregate(state, rows(), None, step)[0], wanted)
    assert part.check(11) == 4
    with pytest.raises(ValueError, match="bucketing needs a random stream"):
        part.init(context(stream=None))


def test_a_lifted_preaggregator_hands_lost_rows_on_so_that_the_rule_counts_them():
    """Seven rows, three of them lost: nnm mixes four with f=0, and trimmed_mean must not trim three of those again."""
    x = rows(0, 7)
    x[2:5, 1] = math.nan
    before = lift(functools.partial(preaggregators.nnm, f=3))
    behind = lift(functools.partial(rules.trimmed_mean, f=3))
    mixed, _ = before.aggregate(before.init(context()), x, None, 0)
    assert mixed.shape == x.shape
    answer, _ = behind.aggregate(behind.init(context()), mixed, None, 0)
    assert torch.allclose(answer, x[[0, 1, 5, 6]].mean(dim=0))


def test_weights_are_checked():
    x = rows(0, 3)
    for bad in (torch.ones(2), torch.tensor([1.0, -1, 1]), torch.zeros(3), torch.tensor([1.0, math.nan, 1])):
        with pytest.raises(ValueError, match="^weighted_median needs "):
            rules.weighted_median(x, bad)
    part = lift(rules.weighted_median)
    with pytest.raises(ValueError, match="weighted_median needs weights; got weights=null"):
        part.aggregate(part.init(context()), x, None, 0)


def test_a_lost_pivot_row_is_renumbered():
    x = rows(0, 9)
    x[1, 0] = math.inf
    left = torch.cat((x[:1], x[2:]))
    assert torch.equal(rules.monna(x, f=2, pivot=4), rules.monna(left, f=1, pivot=3))
    assert torch.equal(rules.monna(x, f=2, pivot=1), rules.monna(left, f=1, pivot=1))
