"""What every rule and pre-aggregator obeys, and exactly the laws that it declares."""

import inspect
import math
import typing

import numpy as np
import pytest
import torch
from members import PREAGGREGATORS, RULES, UNWEIGHTED, WEIGHTED, bound, declaration, member, most_liars, settings

from byzsgd.aggregators.declaration import NonFiniteRows
from byzsgd.aggregators.laws import Law

EVERYTHING = RULES + PREAGGREGATORS
LAWS = typing.get_args(Law)
K, D = 15, 12
ROBUST = [name for name in RULES if "bounded" in declaration(name).laws]


def liars(name, k=K):
    return min(3, most_liars(name, k))


def rows(seed=0, k=K, d=D):
    return torch.tensor(np.random.default_rng(seed).normal(size=(k, d)))


def close(a, b, slack=1e-7):
    return a.shape == b.shape and bool((a - b).abs().max() <= slack * b.abs().max())


def turned(seed=1):
    return torch.linalg.qr(rows(seed, D, D)).Q


def permutation(apply, x):
    order = torch.tensor(np.random.default_rng(2).permutation(len(x)))
    answer, permuted = apply(x), apply(x[order])
    if answer.dim() == 2 and answer.shape == x.shape:
        return close(permuted, answer[order])
    return close(permuted, answer)


def translation(apply, x):
    shift = torch.linspace(-3, 5, D, dtype=x.dtype)
    return close(apply(x + shift), apply(x) + shift)


def scaling(apply, x):
    return close(apply(x * 3.7), apply(x) * 3.7)


def sign(apply, x):
    return close(apply(-x), -apply(x))


def rotation(apply, x):
    return close(apply(x @ turned()), apply(x) @ turned())


def diagonal(apply, x):
    factors = torch.tensor([-2.0, 0.3, 1.0, -1.0, 5.0, 0.7] * 2, dtype=x.dtype)
    return close(apply(x * factors), apply(x) * factors)


INVARIANCES = {f.__name__: f for f in (permutation, translation, scaling, sign, rotation, diagonal)}


def clear(seed):
    """Rows without ties of any kind for three liars: these lie far apart."""
    x = rows(seed)
    x[:3] *= torch.tensor([[20.0], [50.0], [100.0]], dtype=x.dtype)
    return x


def tied():
    """Copies, and integer rows. A sign or a rotation turns the order that breaks the ties."""
    return [
        torch.cat((rows(13, 9), rows(13, 9)[:6])),
        torch.tensor(np.random.default_rng(5).integers(-1, 2, (K, D)) * 1.0),
    ]


@pytest.mark.parametrize("law", INVARIANCES)
@pytest.mark.parametrize("name", EVERYTHING)
def test_has_the_invariances_that_it_declares_and_no_others(name, law):
    holds = INVARIANCES[law]

    def outcomes(given, counts):
        return [holds(bound(name, f, D), x) for x in given for f in counts]

    some, most = [liars(name)], [most_liars(name, K)]
    if law in declaration(name).laws:
        assert all(outcomes([clear(seed) for seed in range(6)], some))
        if law in ("translation", "scaling", "permutation"):
            assert all(outcomes([rows(seed) for seed in range(4)], some + most))
        if law == "permutation" and declaration(name).kind != "weighted rule":
            assert all(outcomes(tied(), some + most))
    else:
        # 3e-7: about the smoothing of Weiszfeld's steps
        others = [rows(0), rows(9) * 100, rows(10) + 4, rows(12) * 3e-7, rows(11, K - 1)]
        assert not all(outcomes(others, [min(some[0], most_liars(name, K - 1))]))


def _agrees(name):
    found = []
    for f in range(1, min(most_liars(name, K), (K - 1) // 2) + 1):
        for size in (1.0, 1e3):
            x = rows(3) * size
            x[f:] = x[-1]
            # a pivot must be honest
            found.append(close(bound(name, f, D)(x.flip(0)), x[-1], 1e-6))
    return found


def _mean_without_liars(name):
    return [close(bound(name, 0, D)(rows(seed)), rows(seed).mean(dim=0), 1e-9) for seed in range(3)]


def _moves(name, size, f):
    """How far f rows of a size move the answer from the honest mean."""
    x = rows(4)
    lies = [
        size * torch.ones(f, D, dtype=x.dtype),
        size * rows(5)[:f],
        -size * rows(6)[:1].expand(f, D),
        # each in a direction of its own, of one length or of very different ones
        size * torch.eye(D, dtype=x.dtype)[:f],
        torch.diag(torch.tensor([size / 8**i for i in range(D)], dtype=x.dtype))[:f],
        # one direction, of very different lengths: the longest hides the others
        torch.tensor([[size**2], [size], [size**0.5]], dtype=x.dtype)[:f] * torch.ones(D, dtype=x.dtype),
    ]
    worst = 0.0
    for lie in lies:
        y = x.clone()
        y[-f:] = lie
        worst = max(worst, float((bound(name, f, D)(y) - x[:-f].mean(dim=0)).norm()))
    return worst


def _bounded(name):
    f = most_liars(name, K) if declaration(name).takes_f else 2
    f = max(1, min(f, 3))
    return [_moves(name, size, f) < 30 * math.sqrt(D) for size in (1e2, 1e4, 1e8, 1e15)]


def _box(name):
    found = []
    for seed in range(6):
        for shift in (0.0, 50.0):
            x = rows(seed) * 3 + shift
            x[:, 0] = 0.3
            answer = bound(name, liars(name), D)(x)
            slack = 1e-9 * (1 + shift)
            found.append(bool(((answer >= x.min(0).values - slack) & (answer <= x.max(0).values + slack)).all()))
    return found


@pytest.mark.parametrize("name", UNWEIGHTED)
def test_agreement_holds_exactly_where_declared(name):
    # Where no f is taken, a majority agrees.
    outcomes = _agrees(name) if declaration(name).takes_f else [_majority(name)]
    assert all(outcomes) == ("agreement" in declaration(name).laws)


def _majority(name):
    x = rows(3)
    x[7:] = x[-1]
    return close(bound(name, 0, D)(x), x[-1], 1e-9)


@pytest.mark.parametrize("name", [name for name in UNWEIGHTED if declaration(name).takes_f])
def test_is_the_mean_without_liars_exactly_where_declared(name):
    assert all(_mean_without_liars(name)) == ("mean_without_liars" in declaration(name).laws)


@pytest.mark.parametrize("name", RULES)
def test_is_bounded_exactly_where_declared(name):
    assert all(_bounded(name)) == ("bounded" in declaration(name).laws)


@pytest.mark.parametrize("name", RULES)
def test_stays_in_the_box_of_the_rows_exactly_where_declared(name):
    assert all(_box(name)) == ("box" in declaration(name).laws)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("k", [1, 2, 3, 12, 40, 70])
@pytest.mark.parametrize("name", EVERYTHING)
def test_shape_type_and_untouched_rows(name, k, dtype):
    x = rows(7, k, D).to(dtype)
    f = 0 if k < 12 else 2
    try:
        declaration(name).demand(k, settings(name, f))
    except ValueError:
        pytest.skip("too few rows")
    before = x.clone()
    answer = bound(name, f, D, dtype)(x)
    assert answer.dtype == dtype
    assert torch.equal(x, before)
    assert answer.shape[-1] == D
    assert answer.dim() == (2 if name in PREAGGREGATORS else 1)
    answer.add_(1)
    assert torch.equal(x, before), "the answer shares memory with the rows"


@pytest.mark.parametrize("name", EVERYTHING)
def test_expanded_and_strided_rows_count_like_copies(name):
    f = liars(name)
    apply = bound(name, f, D)
    same = rows(8, 1).expand(K, D)
    assert close(apply(same), bound(name, f, D)(same.clone()))
    wide = rows(8, D, K).t()
    assert close(bound(name, f, D)(wide), bound(name, f, D)(wide.contiguous()))
    apart = rows(8, K, 2 * D)[:, ::2]
    assert close(bound(name, f, D)(apart), bound(name, f, D)(apart.contiguous()))


@pytest.mark.parametrize("name", EVERYTHING)
def test_float32_agrees_with_float64(name):
    for seed, scale in ((0, 1.0), (1, 1e3)):
        x = (rows(seed, K, 500) * scale).float()
        narrow = bound(name, liars(name), 500, torch.float32)(x)
        wide = bound(name, liars(name), 500)(x.double())
        assert close(narrow.double(), wide, 2e-4)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", EVERYTHING)
def test_non_finite_rows_are_dropped_and_count_towards_f(name, bad):
    said = declaration(name)
    x = rows(9)
    f = liars(name) if said.takes_f else 2
    for lost in range(1, max(f, 1) + 1):
        spoilt = x.clone()
        spoilt[4 : 4 + lost, lost % D] = bad
        left = torch.cat((x[:4], x[4 + lost :]))
        if said.lets_non_finite_through:
            assert not torch.isfinite(bound(name, 0, D)(spoilt)).all()
            continue
        if said.takes_f and lost > f:
            continue
        got = bound(name, f, D)(spoilt)
        assert torch.isfinite(got).all()
        assert torch.equal(got, bound(name, f - lost if said.takes_f else 0, D)(left))
    if said.takes_f:
        spoilt = x.clone()
        spoilt[: f + 1, 0] = bad
        with pytest.raises(
            NonFiniteRows, match=rf"{name} needs at most f non-finite rows; got k={K}, f={f}, non_finite={f + 1}"
        ):
            bound(name, f, D)(spoilt)
    elif not said.lets_non_finite_through:
        with pytest.raises(NonFiniteRows, match=f"{name} needs a finite row; got k={K}, non_finite={K}"):
            bound(name, f, D)(torch.full((K, D), bad, dtype=torch.float64))


@pytest.mark.parametrize("size", [1e30, 3e38])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ROBUST)
def test_huge_finite_rows_neither_overflow_nor_win(name, dtype, size):
    f = max(1, min(liars(name), 2)) if declaration(name).takes_f else 2
    if declaration(name).takes_f and most_liars(name, K) < f:
        pytest.skip("no liar tolerated")
    for place in (0, K - f):
        if name == "monna" and place == 0:
            continue
        for signs in (1.0, -1.0, torch.tensor([1.0, -1] * (D // 2))):
            x = rows(10).to(dtype)
            x[place : place + f] = size * torch.ones(D, dtype=dtype) * torch.as_tensor(signs, dtype=dtype)
            answer = bound(name, f, D, dtype)(x)
            assert torch.isfinite(answer).all()
            assert answer.abs().max() < 30


@pytest.mark.parametrize("name", [n for n in RULES if "agreement" in declaration(n).laws and declaration(n).takes_f])
def test_lower_bound_instance(name):
    """n-f zeros and f ones: a robust rule says 0, although the ones may be honest."""
    for f in range(1, min(most_liars(name, K), (K - 1) // 2) + 1):
        x = torch.zeros(K, 1, dtype=torch.float64)
        x[K - f :] = 1
        answer = bound(name, f, 1)(x)
        assert float(answer.abs()) < 1e-9
        honest = x[f:]
        ratio = float((answer - honest.mean()) ** 2 / honest.var(correction=0))
        assert ratio == pytest.approx(f / (K - 2 * f))


@pytest.mark.parametrize("name", [name for name in UNWEIGHTED if declaration(name).kappa])
def test_the_kappa_bound_holds(name):
    rng = np.random.default_rng(1)
    for k in (11, 12):
        for f in {1, liars(name, k), most_liars(name, k) or 3}:
            limit = declaration(name).kappa(k, f)
            for trial in range(60):
                honest = rng.normal(size=(k - f, 3)) * 10 ** rng.uniform(-1, 1, size=(k - f, 1) if trial % 2 else 1)
                lie = rng.normal(size=(1 if trial % 3 else f, 3)) * 10 ** rng.uniform(-1, 2)
                x = torch.tensor(np.concatenate((honest, np.broadcast_to(lie, (f, 3)))))
                answer = bound(name, f, 3)(x).numpy()
                error = ((answer - honest.mean(0)) ** 2).sum()
                assert error <= limit * ((honest - honest.mean(0)) ** 2).sum() / (k - f) * (1 + 1e-9)


def test_kappa_is_never_below_the_lower_bound():
    for name in UNWEIGHTED:
        bounded = declaration(name).kappa
        if bounded:
            assert all(bounded(n, f) >= f / (n - 2 * f) for n in range(3, 40) for f in range(1, (n - 2) // 2))
            assert bounded(4, 2) == math.inf


def test_bulyan_stays_as_near_to_its_median_as_the_honest_do():
    """Per coordinate |F - med(S)| <= the largest |h - med(S)|, h honest: so one coordinate gives no leverage."""
    from byzsgd.aggregators.rules import bulyan

    for seed in range(20):
        x = rows(seed, 15, 40)
        x[:3] = x[3:].mean(0)
        x[:3, 7] += 3.0
        honest = x[3:]
        answer = bulyan(x, f=3)
        widest = honest.max(0).values - honest.min(0).values
        assert ((answer - honest.median(0).values).abs() <= widest).all()


def test_krum_points_along_the_true_direction():
    """E⟨F, g⟩ >= (1 - sin α) ‖g‖², sin α = η √d σ/‖g‖ (Blanchard et al. 2017, proposition 2)."""
    from byzsgd.aggregators.rules import krum

    n, f, d, sigma = 11, 2, 8, 0.02
    eta = math.sqrt(2 * (n - f + (f * (n - f - 2) + f**2 * (n - f - 1)) / (n - 2 * f - 2)))
    assert eta == pytest.approx(6.0332, abs=1e-4)
    g = torch.ones(d, dtype=torch.float64)
    sine = eta * math.sqrt(d) * sigma / float(g.norm())
    rng = np.random.default_rng(0)
    for lie in (-g, 0.97 * g, g + sigma * 3, g * 0):
        total = torch.zeros(d, dtype=torch.float64)
        for _ in range(200):
            x = g + sigma * torch.tensor(rng.normal(size=(n, d)))
            x[:f] = lie
            total += krum(x, f=f)
        assert float(total @ g / 200) >= (1 - sine) * float(g @ g)


def test_every_member_has_its_declaration_and_its_yaml():
    from byzsgd.aggregators import preaggregators, rules

    for module, names in ((rules, RULES), (preaggregators, PREAGGREGATORS)):
        declared = {name for name, value in vars(module).items() if hasattr(value, "declaration")}
        lost = sorted(declared ^ set(names))
        assert not lost, (
            f"conf/aggregator/ and {module.__name__}/__init__.py need the same members; only one has {lost}"
        )
    for name in EVERYTHING:
        said = declaration(name)
        assert said.name == name
        assert said.laws <= set(LAWS)
        text = inspect.getdoc(member(name))
        stated = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("Condition: ")]
        shown = [c for c in said.condition.split(", ") if c != "an integer f >= 0"]
        for condition in shown:
            assert "f" not in said.parameters or "k >" not in condition or condition in stated[0]


def test_all_weighted_rules_are_their_plain_twins_for_integer_weights():
    x = rows(3, 5)
    counts = torch.tensor([1.0, 3, 2, 1, 4], dtype=torch.float64)
    copies = x.repeat_interleave(counts.long(), dim=0)
    ones = torch.ones(len(copies), dtype=torch.float64)
    for name in WEIGHTED:
        if name != "ctma":
            assert close(member(name)(x, counts), member(name)(copies, ones))
    assert close(member("weighted_median")(x, counts), member("median")(copies))


def test_the_empirical_kappa():
    from byzsgd.aggregators.empirical_kappa import empirical_kappa

    honest = torch.tensor([[0.0], [2.0], [4.0]])
    assert empirical_kappa(torch.tensor([6.0]), honest) == pytest.approx(16 / (8 / 3))
    assert empirical_kappa(torch.tensor([2.0]), honest) == 0
    assert empirical_kappa(torch.tensor([1.0]), torch.ones(3, 1)) == 0
    assert empirical_kappa(torch.tensor([2.0]), torch.ones(3, 1)) == math.inf
