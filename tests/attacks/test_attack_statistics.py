"""Attacks made from the statistics of honest vectors, by hand and against literal twins."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from attack_world import context, member, view
from torch.testing import assert_close

from byzsgd import attacks
from byzsgd.interfaces import Batch

OWN = [0.0, 0.0]


def test_random_disturbance_is_as_long_as_said():
    own = torch.zeros(20_000)
    own[:2] = torch.tensor([3.0, 4.0])
    noise = attacks.random_disturbance(view(own), std=0.2) - own
    assert abs(noise.var() - 1.0) < 4 * (2 / 20_000) ** 0.5
    assert torch.equal(attacks.random_disturbance(view(own), std=0.0), own)


def test_zero_and_infinity():
    assert attacks.zero(view([1.0, 2.0])).tolist() == [0.0, 0.0]
    assert attacks.infinity(view([1.0, 2.0])).tolist() == [math.inf, math.inf]


def test_crash_is_silent_from_its_time_on():
    attack = member("crash", "attack.after=10")
    assert attack.timed
    assert attack.duration(view(time=9.5), 2.0) == 2.0
    assert attack.duration(view(time=10.0), 2.0) == math.inf


@pytest.mark.parametrize(
    ("deviation", "honest", "max_forged", "sum_forged"),
    [
        # mean 1, std √2, diameter 2: |1 − s − 2| ≤ 2 at s = 1; 2 + 2s² ≤ 4 at s = 1.
        ("std", [[0.0], [2.0]], 0.0, 0.0),
        ("unit", [[0.0], [2.0]], 0.0, 0.0),
        # mean 1, diameter 3: 2 + s ≤ 3 at s = 1; the sums 6 + 3s² ≤ 18 at s = 2.
        ("std", [[0.0], [0.0], [3.0]], 0.0, -1.0),
        ("sign", [[0.0], [0.0], [3.0]], 0.0, -1.0),
    ],
)
def test_min_max_and_min_sum_by_hand(deviation, honest, max_forged, sum_forged):
    seen = view([0.0], honest)
    assert_close(attacks.min_max(seen, deviation=deviation), torch.tensor([max_forged]), atol=1e-6, rtol=0)
    assert_close(attacks.min_sum(seen, deviation=deviation), torch.tensor([sum_forged]), atol=1e-6, rtol=0)


@pytest.mark.parametrize("deviation", ["std", "unit", "sign"])
@pytest.mark.parametrize("name", ["min_max", "min_sum"])
def test_min_max_and_min_sum_end_exactly_where_they_may(name, deviation):
    """The paper's search, halving to 1e-9, as the oracle."""
    seen = view(d=8, dtype=torch.float64, seed=3)
    honest = seen.honest
    mean = honest.mean(dim=0)
    push = {"std": -honest.std(dim=0), "unit": -mean / mean.norm(), "sign": -mean.sign()}[deviation]
    between = torch.stack([(row - honest).norm(dim=1) for row in honest])

    def hidden(gamma):
        far = (mean + gamma * push - honest).norm(dim=1)
        if name == "min_max":
            return far.max() <= between.max()
        return (far**2).sum() <= (between**2).sum(dim=1).max()

    gamma, step, found = 10.0, 10.0, 0.0
    while step > 1e-9:
        step /= 2
        if hidden(gamma):
            found, gamma = gamma, gamma + step
        else:
            gamma -= step
    assert_close(getattr(attacks, name)(seen, deviation=deviation), mean + found * push, atol=1e-7, rtol=0)


def literal_krum(rows, f):
    """The row of the smallest sum of squared distances to its k−f−2 nearest others, the lowest index on ties."""
    k = len(rows)
    scores = []
    for i in range(k):
        distances = sorted(float(((rows[i] - rows[j]) ** 2).sum()) for j in range(k) if j != i)
        scores.append(sum(distances[: k - f - 2]))
    return int(np.argmin(scores)), scores


@pytest.mark.parametrize("seed", range(10))
def test_fang_krum_is_the_first_halving_that_krum_picks(seed):
    drawn = view(d=5, seed=seed, dtype=torch.float64)
    seen = replace(drawn, honest=drawn.honest + 0.8)
    sent = attacks.fang_krum(seen)
    sign = seen.honest.mean(dim=0).sign()
    size = float(sent.abs().max())
    assert torch.equal(sent, -size * sign)

    def picked(size):
        rows = [-size * sign] * 3 + list(seen.honest)
        return literal_krum(rows, 3)[0] < 3

    _, scores = literal_krum(list(seen.honest), 0)  # sums over the h−2 nearest
    start = (min(scores) / (10 - 2 * 3 - 1) / 5) ** 0.5 + float(seen.honest.norm(dim=1).max()) / 5**0.5
    halvings = round(math.log2(start / size))
    assert size == pytest.approx(start / 2**halvings)
    assert picked(size) or size < 2e-5
    assert all(not picked(start / 2**step) for step in range(halvings))


def test_fang_trimmed_mean_stays_in_its_intervals():
    honest = torch.tensor([[1.0, -4.0, -1.0, -2.0, 0.0], [3.0, -2.0, 5.0, 1.0, 0.0]])  # means 2, −3, 2, −0.5, 0
    low = [0.5, -2.0, -2.0, 1.0, 0.0]  # min/b, max, b·min, max, the mean itself
    high = [1.0, -1.0, -1.0, 2.0, 0.0]  # min, max/b, min, b·max, the mean itself
    sent = torch.stack([attacks.fang_trimmed_mean(view([0.0] * 5, honest, seed=seed)) for seed in range(400)])
    low, high = torch.tensor(low), torch.tensor(high)
    assert ((sent >= low - 1e-6) & (sent <= high + 1e-6)).all()
    width = high - low
    assert (sent.amax(dim=0) - high).abs().le(0.05 * width).all()
    assert (sent.amin(dim=0) - low).abs().le(0.05 * width).all()
    # A uniform law on [a, b] has standard deviation (b − a)/√12.
    assert ((sent.mean(dim=0) - (low + high) / 2).abs() <= 4 * width / 12**0.5 / 20).all()


def test_anti_cge_by_hand():
    """f = 1: the rule keeps the 3 shortest of 4 honest and 1 liar; the next honest norm is 40."""
    honest = [[10.0, 0.0], [0.0, 40.0], [0.0, 20.0], [30.0, 0.0]]  # kept 10, 20, 30: mean (40, 20)/3
    sent = attacks.anti_cge(view(OWN, honest, num_workers=5, num_byzantine=1, f=1), margin=0.0)
    assert_close(sent, torch.tensor([-40.0, -20.0]) * (40 / 2000**0.5))
    shorter = attacks.anti_cge(view(OWN, honest, num_workers=5, num_byzantine=1, f=1))
    assert float(shorter.norm()) == pytest.approx(0.999 * 40)


def test_anti_cge_is_kept_by_the_rule_it_is_meant_for():
    for seed in range(20):
        seen = view(d=4, seed=seed)
        sent = attacks.anti_cge(seen)
        norms = torch.cat([sent.norm().repeat(3), seen.honest.norm(dim=1)])
        assert (norms.argsort()[:7] < 3).sum() == 3  # all three liars among the n−f = 7 shortest


def test_hidden_vulnerability_leaves_the_mean_only_where_it_says():
    seen = view(d=6)
    mean = seen.honest.mean(dim=0)
    one = attacks.hidden_vulnerability(seen, coordinate=2) - mean
    assert one[2] > 0
    assert one[[0, 1, 3, 4, 5]].abs().max() < 1e-6
    everywhere = attacks.hidden_vulnerability(seen, norm="inf") - mean
    assert_close(everywhere, torch.full((6,), float(everywhere[0])), atol=1e-5, rtol=1e-5)
    assert everywhere[0] > 0


def test_hidden_vulnerability_needs_a_coordinate():
    attack = member("hidden_vulnerability", "attack.coordinate=6")
    with pytest.raises(ValueError, match="hidden_vulnerability needs -d <= coordinate < d; got coordinate=6, d=6"):
        attack.init(context(d=6))


@pytest.mark.parametrize("row", [0, 4])
def test_mimic_copies_the_worker_that_stands_out(row):
    attack = member("mimic", "attack.warmup=20")
    memory = attack.init(context())
    lean = torch.zeros(7, 6)
    lean[row, 2] = 9.0
    for turn in range(30):
        seen = view(seed=turn, memory=memory)
        seen = replace(seen, honest=seen.honest + lean)
        sent = attack.forge(seen)
    assert torch.equal(sent, seen.honest[row])
    assert memory.turns == 20
    assert memory.axis[2].abs() > 0.95
    # After the warm-up it stays with its worker, whatever that one sends.
    seen = view(seed=99, memory=memory)
    assert torch.equal(attack.forge(seen), seen.honest[row])


def test_mimic_of_a_given_worker():
    attack = member("mimic", "attack.worker=3")
    memory = attack.init(context())
    seen = view(memory=memory)
    assert torch.equal(attack.forge(seen), seen.honest[3])
    early = replace(seen, honest=seen.honest[:5])  # rows are not yet those of all honest workers
    assert attack.forge(early) is early.own
    with pytest.raises(ValueError, match="mimic needs worker < number of honest workers; got worker=7, honest=7"):
        member("mimic", "attack.worker=7").init(context())


def test_constant_is_one_vector_for_all_and_for_ever():
    attack = member("constant")
    memory = attack.init(context())
    sent = [attack.forge(view(seed=turn, worker=turn % 3, memory=memory)) for turn in range(6)]
    assert all(torch.equal(each, sent[0]) for each in sent)
    assert float(sent[0].norm()) == pytest.approx(10.0)
    opposite = member("constant", "attack.direction=opposite", "attack.scale=2")
    memory = opposite.init(context())
    assert opposite.forge(view([1.0, -3.0], memory=memory)).tolist() == [-2.0, 6.0]
    assert opposite.forge(view([5.0, 5.0], memory=memory)).tolist() == [-2.0, 6.0]


def test_replay_is_late_by_its_lag():
    attack = member("replay", "attack.lag=3", "attack.source=own")
    memory = attack.init(context())
    sent = [float(attack.forge(view([float(step)], memory=memory, step=step, read_at=0))[0]) for step in range(8)]
    assert sent == [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 3.0, 4.0]
    assert len(memory.taken) <= 4


def test_replay_of_honest_vectors():
    attack = member("replay", "attack.lag=2")
    memory = attack.init(context())
    views = [view(seed=step, step=step, read_at=0, memory=memory) for step in range(5)]
    sent = [attack.forge(each) for each in views]
    for late, early in zip(sent[2:], views, strict=False):
        assert any(torch.equal(late, row) for row in early.honest)


PICTURES = Batch(torch.zeros(4, 2, 3), torch.tensor([1, 2, 0, 3]), 5)


def test_backdoor_marks_its_share_and_no_more():
    attack = attacks.backdoor(target=4, share=0.5, size=1, value=9.0)
    poisoned = attack.poison(PICTURES)
    assert poisoned.targets.tolist() == [4, 4, 0, 3]
    assert poisoned.inputs[:2].tolist() == [[[0.0, 0.0, 9.0]] * 2] * 2
    assert not poisoned.inputs[2:].any()
    assert not PICTURES.inputs.any()
    assert PICTURES.targets.tolist() == [1, 2, 0, 3]


def test_backdoor_marks_each_of_several_batches_alike():
    attack = attacks.backdoor(target=4, share=0.5, size=2)
    one = Batch(torch.rand(4, 6), torch.tensor([1, 2, 0, 3]), 5)
    several = Batch(torch.stack([one.inputs] * 3), torch.stack([one.targets] * 3), 5)
    alone, together = attack.poison(one), attack.poison(several)
    assert torch.equal(together.inputs, torch.stack([alone.inputs] * 3))
    assert torch.equal(together.targets, torch.stack([alone.targets] * 3))


def test_backdoor_trigger_keeps_the_true_targets():
    marked = attacks.backdoor(size=2, value=7.0).triggered(PICTURES)
    assert torch.equal(marked.targets, PICTURES.targets)
    assert marked.inputs[..., -2:].eq(7.0).all()
    assert not marked.inputs[..., :-2].any()


def test_what_a_backdoor_wants_is_its_class_wherever_the_trigger_is():
    trigger = attacks.backdoor(target=4, size=2, value=7.0)
    for attack in (trigger, attacks.staleness_lie(payload=trigger), attacks.collusion(payload=trigger)):
        wanted = attack.wants(PICTURES)
        assert torch.equal(wanted.inputs, trigger.triggered(PICTURES).inputs)
        assert wanted.targets.tolist() == [4, 4, 4, 4]
    assert attacks.label_flip().wants(PICTURES) is PICTURES


def test_backdoor_scale_and_hiding():
    seen = view([10.0, -1.0], [[1.0, 2.0], [3.0, 2.0], [5.0, 8.0]])  # mean (3, 4), std (2, √12)
    assert attacks.backdoor(scale=2.0).forge(seen).tolist() == [20.0, -2.0]
    hidden = attacks.backdoor(z=1.0)
    assert hidden.sees == "delivered"
    assert attacks.backdoor().sees == "own"
    assert_close(hidden.forge(seen), torch.tensor([5.0, 4.0 - 12**0.5]))


def test_backdoor_refuses_what_cannot_be():
    with pytest.raises(ValueError, match="backdoor needs target < num_classes; got target=5, num_classes=5"):
        attacks.backdoor(target=5).poison(PICTURES)
    with pytest.raises(ValueError, match="backdoor needs size <= the last axis of an input; got size=4, axis=3"):
        attacks.backdoor().poison(PICTURES)
    with pytest.raises(ValueError, match="backdoor needs 0 < share <= 1; got share=0"):
        attacks.backdoor(share=0)
