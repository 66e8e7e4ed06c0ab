"""Optimizers and learning-rate laws: values worked out by hand, reductions, refused settings."""

import math

import pytest
import torch

from byzsgd import experiment, optimizers
from byzsgd.config.catalogue import members

OPTIMIZERS = [member.name for member in members("optimizer")]
SCHEDULES = [member.name for member in members("optimizer/schedule")]


def walk(optimizer, directions, start=(0.0,)):
    """The models after each direction, in float64."""
    params = torch.tensor(start, dtype=torch.float64)
    state, models = optimizer.init(params), []
    for step, direction in enumerate(directions):
        given = torch.tensor(direction, dtype=torch.float64)
        optimizer.apply(state, params, given, step)
        assert given.tolist() == list(direction), "the direction was written to"
        models.append(params.tolist())
    return models


def sgd(**settings):
    fixed = {"lr": 0.5, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0, "schedule": optimizers.constant}
    return optimizers.sgd(**{**fixed, **settings})


def flat(models):
    return pytest.approx([value for (value,) in models])


def test_sgd():
    assert walk(sgd(), [(2.0, -4.0), (1.0, 0.0)], (1.0, 1.0)) == [[0.0, 3.0], [-0.5, 3.0]]


def test_momentum():
    # m = 2, 1 + .5·2 = 2, 0 + .5·2 = 1; x = −1, −2, −2.5.
    assert flat(walk(sgd(momentum=0.5), [(2.0,), (1.0,), (0.0,)])) == [-1, -2, -2.5]


def test_nesterov():
    # g + .5·m = 2 + 1, 1 + 1, 0 + .5; x = −1.5, −2.5, −2.75.
    assert flat(walk(sgd(momentum=0.5, nesterov=True), [(2.0,), (1.0,), (0.0,)])) == [-1.5, -2.5, -2.75]


def test_weight_decay_is_part_of_the_gradient():
    # From 4: g = 1 + .25·4 = 2, x = 3; g = 1 + .75, x = 2.125.
    assert flat(walk(sgd(weight_decay=0.25), [(1.0,), (1.0,)], (4.0,))) == [3, 2.125]
    # With momentum ½: m = 2, x = 3; m = 1.75 + 1 = 2.75, x = 1.625.
    assert flat(walk(sgd(weight_decay=0.25, momentum=0.5), [(1.0,), (1.0,)], (4.0,))) == [3, 1.625]


TORCH = [
    {"momentum": momentum, "nesterov": nesterov, "weight_decay": decay, "lr": lr}
    for momentum in (0.0, 0.5, 0.9)
    for nesterov in (False, True)
    for decay in (0.0, 0.1)
    for lr in (0.5, 0.03)
    if momentum or not nesterov
]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sgd_is_that_of_torch_to_the_bit(dtype):
    directions = torch.randn(30, 40, dtype=dtype, generator=torch.Generator().manual_seed(0))
    for settings in TORCH:
        theirs, ours = torch.nn.Parameter(torch.ones(40, dtype=dtype)), torch.ones(40, dtype=dtype)
        reference, optimizer = torch.optim.SGD([theirs], **settings), sgd(**settings)
        state = optimizer.init(ours)
        for step, direction in enumerate(directions):
            theirs.grad = direction.clone()
            reference.step()
            optimizer.apply(state, ours, direction, step)
            assert torch.equal(ours, theirs.detach()), settings


def anytime(**settings):
    return optimizers.anytime(**{"lr": 0.5, "share": 0.5, "schedule": optimizers.constant, **settings})


def test_anytime_with_a_constant_share():
    # w = −1, −2, −2; x = −½, −1.25, −1.625.
    assert flat(walk(anytime(), [(2.0,), (2.0,), (0.0,)])) == [-0.5, -1.25, -1.625]


def test_anytime_with_the_weights_of_the_theory():
    # α = 1, 2, 3: w = −1, −3, −6; x = (−1)/1, (−1 − 6)/3, (−1 − 6 − 18)/6.
    assert flat(walk(anytime(share=None), [(2.0,), (2.0,), (2.0,)])) == [-1, -7 / 3, -25 / 6]


def test_anytime_that_keeps_nothing_is_sgd():
    directions = [(2.0,), (-1.0,), (3.0,)]
    assert walk(anytime(share=1.0), directions) == walk(sgd(), directions)


def test_schedules():
    assert optimizers.constant(0.3, 1000) == 0.3
    power = [optimizers.inverse_power(1.0, step, power=0.5, floor=0.4) for step in (0, 3, 8, 99)]
    assert power == pytest.approx([1, 1 / 2, 0.4, 0.4])
    decay = [optimizers.step(2.0, step, milestones=(3, 5), factor=0.1) for step in (0, 2, 3, 4, 5, 9)]
    assert decay == pytest.approx([2, 2, 0.2, 0.2, 0.02, 0.02])
    cosine = [optimizers.cosine(2.0, step, total=4, floor=0.1) for step in (0, 1, 2, 4, 7)]
    assert cosine == pytest.approx([2, 2 * (0.1 + 0.45 * (1 + math.sqrt(0.5))), 1.1, 0.2, 0.2])


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_schedule_fits_every_optimizer_and_starts_at_the_learning_rate(name, schedule):
    optimizer = experiment(f"optimizer={name}", f"optimizer/schedule={schedule}", "optimizer.lr=0.25").optimizer
    rates = [optimizer.schedule(optimizer.lr, step) for step in (0, 10, 1000, 5000)]
    assert rates[0] == pytest.approx(0.25)
    assert rates == sorted(rates, reverse=True)
    assert min(rates) >= 0


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_laws_of_every_optimizer(name):
    """Written in place; linear in the learning rate from the start; a zero direction moves a fresh model nowhere."""
    slow, fast = (experiment(f"optimizer={name}", f"optimizer.lr={lr}").optimizer for lr in (0.1, 0.2))
    assert walk(slow, [(0.0, 0.0)], (3.0, -1.0)) == [[3.0, -1.0]]
    ((one,), (two,)) = walk(slow, [(1.0,)]), walk(fast, [(1.0,)])
    assert two == pytest.approx([2 * value for value in one])
    assert one[0] < 0


BAD = [
    ("sgd", "optimizer.lr=-1", "0 <= lr < inf"),
    ("sgd", "optimizer.lr=nan", "lr needs a number"),
    ("sgd", "optimizer.momentum=1", "0 <= momentum < 1"),
    ("sgd", "optimizer.momentum=-0.5", "0 <= momentum < 1"),
    ("sgd", "optimizer.weight_decay=-1", "0 <= weight_decay < inf"),
    ("sgd", "optimizer.nesterov=true", "momentum > 0 for nesterov"),
    ("anytime", "optimizer.lr=-1", "0 <= lr < inf"),
    ("anytime", "optimizer.share=0", "0 < share <= 1"),
    ("anytime", "optimizer.share=1.5", "0 < share <= 1"),
]
BAD_SCHEDULES = [
    ("inverse_power", "power=-1", "power >= 0"),
    ("inverse_power", "floor=2", "0 <= floor <= 1"),
    ("step", "factor=0", "factor > 0"),
    ("cosine", "total=0", "total >= 1"),
    ("cosine", "floor=-0.1", "0 <= floor <= 1"),
]


@pytest.mark.parametrize(("name", "override", "needs"), BAD)
def test_impossible_settings_are_refused(name, override, needs):
    with pytest.raises(ValueError, match=needs):
        experiment(f"optimizer={name}", override)


@pytest.mark.parametrize(("schedule", "setting", "needs"), BAD_SCHEDULES)
def test_impossible_schedules_are_refused(schedule, setting, needs):
    with pytest.raises(ValueError, match=needs):
        experiment(f"optimizer/schedule={schedule}", f"optimizer.schedule.{setting}")
