"""Rules of nodes: by hand, by their definitions on drawn rows, their laws, what is refused."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
import torch

from byzsgd.aggregators import rules as server_rules
from byzsgd.schemes import rules

INF = math.inf
MEMBERS = {
    "clipped": functools.partial(rules.clipped, radius=1.0),
    "clipped_adaptive": functools.partial(rules.clipped_adaptive, byzantine_weight=0.2),
    "cs_plus": functools.partial(rules.cs_plus, byzantine_weight=0.15),
    "remove_farthest": functools.partial(rules.remove_farthest, byzantine_weight=0.2),
    "bridge": functools.partial(rules.bridge, b=1),
    "bridge_median": rules.bridge_median,
    "ubar": functools.partial(rules.ubar, loss=lambda model: float(model.square().sum())),
    "ios": functools.partial(rules.ios, b=1),
    "median": rules.rows(server_rules.median),
    "trimmed_mean": rules.rows(functools.partial(server_rules.trimmed_mean, f=1)),
}
every_rule = pytest.mark.parametrize("rule", MEMBERS.values(), ids=MEMBERS)


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def drawn(seed, k=5, d=7):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(k + 1))[:k]
    return torch.from_numpy(rng.normal(size=d)), torch.from_numpy(rng.normal(size=(k, d))), torch.from_numpy(weights)


# One coordinate: own 0, received 1, 2, −4, weights .2, .2, .3 (own .3).
OWN, RECEIVED, WEIGHTS = column(0.0)[0], column(1.0, 2.0, -4.0), torch.tensor([0.2, 0.2, 0.3], dtype=torch.float64)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (rules.mean, 0.2 + 0.4 - 1.2),
        (functools.partial(rules.clipped, radius=1.5), 0.2 * 1 + 0.2 * 1.5 - 0.3 * 1.5),
        (functools.partial(rules.clipped, radius=0.0), 0.0),
        (functools.partial(rules.clipped, radius=INF), -0.6),
        # β = .3: nearest of weight .4 are 1 and 2: τ = √((.2·1 + .2·4)/.3) = 1.825742
        (functools.partial(rules.clipped_adaptive, byzantine_weight=0.3), 0.2 + (0.2 - 0.3) * math.sqrt(1 / 0.3)),
        # β = .2: nearest of weight .7 − .4 = .3: row 1 alone, τ = 1
        (functools.partial(rules.cs_plus, byzantine_weight=0.2), 0.2 + 0.2 - 0.3),
        (functools.partial(rules.cs_plus, byzantine_weight=0.34), 0.0),  # none inside weight .02: τ = 0
        (functools.partial(rules.remove_farthest, byzantine_weight=0.3), 0.2 + 0.4),
        (functools.partial(rules.remove_farthest, byzantine_weight=0.4), 0.2 + 0.1 * 2),  # half of row 2 too
        (functools.partial(rules.remove_farthest, byzantine_weight=0.1), 0.2 + 0.4 - 0.2 * 4),
        (functools.partial(rules.bridge, b=1), (1 + 0) / 2),
        (rules.bridge_median, 0.5),
        # mean −.6: the farthest is −4; then (.2·1 + .2·2)/.7
        (functools.partial(rules.ios, b=1), 0.6 / 0.7),
        (functools.partial(rules.ios, b=0), -0.6),
        # nearest ⌊.7·3⌋ = 2 are 1 and 2; loss |x − 1.4|: own 1.4, they .4 and .6: both
        (functools.partial(rules.ubar, share=0.7, loss=lambda x: abs(x.item() - 1.4)), 0.5 * 1.5),
        # loss |x|: none is as good as the own: the least is that of 1
        (functools.partial(rules.ubar, share=0.7, loss=lambda x: abs(x.item())), 0.5 * 1.0),
        (rules.rows(server_rules.median), 0.5),
    ],
)
def test_by_hand(rule, expected):
    assert rule(OWN, RECEIVED, WEIGHTS).item() == pytest.approx(expected, abs=1e-12)


def literal(name, own, received, weights):
    """The definitions, row by row in NumPy."""
    x, rows, w = own.numpy(), received.numpy(), weights.numpy()
    far = np.array([np.linalg.norm(row - x) for row in rows])
    order = sorted(range(len(rows)), key=lambda j: (far[j], j))

    def clip(radius):
        return x + sum(w[j] * (rows[j] - x) * (min(1.0, radius / far[j]) if far[j] else 1.0) for j in range(len(rows)))

    def inside(limit):
        found, total = [], 0.0
        for j in order:
            total += w[j]
            if total > limit + 1e-12:
                break
            found.append(j)
        return found

    if name == "clipped":
        return clip(1.0)
    if name == "clipped_adaptive":
        return clip(math.sqrt(sum(w[j] * far[j] ** 2 for j in inside(w.sum() - 0.2)) / 0.2))
    if name == "cs_plus":
        return clip(max([far[j] for j in inside(w.sum() - 0.3)], default=0.0))
    if name == "remove_farthest":
        left, budget = w.copy(), 0.2
        for j in sorted(range(len(rows)), key=lambda j: (-far[j], j)):
            taken = min(left[j], budget)
            left[j], budget = left[j] - taken, budget - taken
        return x + sum(left[j] * (rows[j] - x) for j in range(len(rows)))
    if name == "bridge":
        return np.array([np.mean([x[c], *sorted(rows[:, c])[1:-1]]) for c in range(len(x))])
    if name == "bridge_median":
        return np.median(np.vstack([x, rows]), axis=0)
    if name == "ios":
        everything, heavy, left = np.vstack([x, rows]), np.append(1 - w.sum(), w), list(range(len(rows) + 1))
        middle = np.average(everything[left], axis=0, weights=heavy[left])
        left.remove(max(left[1:], key=lambda j: (np.linalg.norm(everything[j] - middle), -j)))
        return np.average(everything[left], axis=0, weights=heavy[left])
    if name == "ubar":
        near = [rows[j] for j in order[:2]]
        good = [row for row in near if row @ row <= x @ x] or [min(near, key=lambda row: row @ row)]
        return 0.5 * x + 0.5 * np.mean(good, axis=0)
    if name == "median":
        return np.median(np.vstack([x, rows]), axis=0)
    return np.sort(np.vstack([x, rows]), axis=0)[1:-1].mean(0)


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("seed", range(6))
def test_a_rule_is_its_definition(name, seed):
    given = drawn(seed)
    np.testing.assert_allclose(MEMBERS[name](*given).numpy(), literal(name, *given), rtol=0, atol=1e-9)


@every_rule
def test_the_order_of_the_neighbours_does_not_matter_and_nothing_is_written(rule):
    own, received, weights = drawn(1)
    before = [own.clone(), received.clone(), weights.clone()]
    order = torch.tensor([3, 0, 4, 1, 2])
    one, other = rule(own, received, weights), rule(own, received[order], weights[order])
    torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    assert all(torch.equal(now, then) for now, then in zip((own, received, weights), before, strict=True))
    assert one.data_ptr() not in {own.data_ptr(), received.data_ptr()}


@every_rule
@pytest.mark.parametrize("bad", [math.nan, INF, -INF])
def test_what_is_not_finite_is_kept_out(rule, bad):
    own, received, weights = drawn(2)
    received[3, 2] = bad
    assert rule(own, received, weights).isfinite().all()


def test_a_dropped_row_leaves_its_weight_with_the_node():
    own, received, weights = drawn(2)
    received[3, 2] = math.nan
    left = [0, 1, 2, 4]
    expected = rules.clipped(own, received[left], weights[left], radius=INF)
    assert torch.equal(rules.clipped(own, received, weights, radius=INF), expected)
    everything = torch.full_like(received, math.nan)
    assert torch.equal(rules.clipped(own, everything, weights, radius=INF), own)


@every_rule
def test_equal_models_stay(rule):
    own, received, weights = drawn(3)
    torch.testing.assert_close(rule(own, own.expand_as(received), weights), own, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1.0, 1e3, 1e9])
def test_one_liar_moves_clipping_by_its_weight_times_the_radius(size):
    own, received, weights = drawn(4)
    for radius in (0.1, 1.0, 3.0):
        honest = rules.clipped(own, received[1:], weights[1:], radius=radius)
        received[0] = size * torch.ones(7)
        moved = (rules.clipped(own, received, weights, radius=radius) - honest).norm().item()
        assert moved <= weights[0].item() * radius * (1 + 1e-9)


@pytest.mark.parametrize("name", ["clipped_adaptive", "cs_plus", "remove_farthest", "bridge", "bridge_median", "ios"])
def test_one_liar_of_any_size_moves_it_by_a_bounded_amount(name):
    own, received, weights = drawn(5)
    weights = torch.full_like(weights, 0.15)
    honest = torch.cat([own[None], received[1:]])
    for size in (1e3, 1e9):
        received[0] = size
        assert (MEMBERS[name](own, received, weights) - own).norm() <= 2 * (honest - own).norm(dim=1).max()


def test_no_lying_weight_is_the_mean():
    given = drawn(6)
    for rule in (rules.clipped_adaptive, rules.cs_plus, rules.remove_farthest):
        torch.testing.assert_close(rule(*given, byzantine_weight=0.0), rules.mean(*given), rtol=0, atol=1e-12)
    torch.testing.assert_close(rules.ios(*given, b=0), rules.mean(*given), rtol=0, atol=1e-12)


def test_four_equal_rows_lose_one_for_one():
    """Public code keeps the complement of the boundary row's weight, and so drops two."""
    rows, weights = column(1.0, 1.0, 1.0, 1.0), torch.full((4,), 0.2, dtype=torch.float64)
    assert rules.remove_farthest(OWN, rows, weights, byzantine_weight=0.2).item() == pytest.approx(0.6)
