"""Attacks that ask the server: line search, outlook, and what they find."""

import functools
import math
from dataclasses import replace

import pytest
import torch
from attack_world import NOTHING, LiteralServer, context, member, view
from torch.testing import assert_close

from byzsgd import attacks
from byzsgd.attacks.line_search import line_search
from byzsgd.attacks.outlook import Conspiracy, away, outlook, uphill
from byzsgd.attacks.plane_search import plane_search
from byzsgd.interfaces import Arrival, Decision


def counted(function):
    calls = []

    def objective(x):
        calls.append(x)
        return function(x)

    return objective, calls


@pytest.mark.parametrize("best", [0.05, 0.7, 1.0, 3.0, 40.0, 5000.0])
def test_line_search_finds_the_top_of_a_hill(best):
    objective, calls = counted(lambda x: -((math.log(x) - math.log(best)) ** 2))
    found, value = line_search(objective, 1.0, 60)
    assert found == pytest.approx(best, rel=0.05)
    assert value == objective(found)
    assert min(calls) > 0


@pytest.mark.parametrize("edge", [0.3, 1.7, 9.0])
def test_line_search_finds_the_edge_of_a_cliff(edge):
    found, _ = line_search(lambda x: x if x <= edge else -math.inf, 1.0, 60)
    assert 0.95 * edge <= found <= edge


@pytest.mark.parametrize("evals", [1, 2, 5, 20])
def test_line_search_keeps_to_its_evaluations_and_is_never_worse_than_its_start(evals):
    for function in (math.sin, lambda x: -x, lambda x: x, lambda x: -math.inf, lambda x: 0.0):
        objective, calls = counted(function)
        _, value = line_search(objective, 1.5, evals)
        assert len(calls) <= evals
        assert calls[0] == 1.5
        assert value == max(map(function, calls))


@pytest.mark.parametrize("evals", [0, 1, 9, 24])
def test_plane_search_keeps_to_its_evaluations_and_is_never_worse_than_its_start(evals):
    calls = []
    for function in (lambda a, b: math.sin(3 * a) - b, lambda a, b: -a * a - b, lambda a, b: -math.inf):
        calls.clear()

        def objective(a, b, function=function):
            calls.append((a, b))
            return function(a, b)

        point, value = plane_search(objective, (2.0, 0.0), function(2.0, 0.0), evals)
        assert len(calls) == evals
        assert all(b >= 0 for _, b in calls)
        assert value == max(function(*each) for each in [(2.0, 0.0), *calls]) == function(*point)


def test_plane_search_climbs_a_hill_and_finds_a_corner():
    (a, b), _ = plane_search(lambda a, b: -((a - 1.7) ** 2) - (b - 2.2) ** 2, (0.0, 1.5), -10.0, 60)
    assert (a, b) == pytest.approx((1.7, 2.2), abs=0.1)
    _, value = plane_search(lambda a, b: a + b if a <= 2.1 and b <= 1.8 else -math.inf, (0.0, 1.5), 1.5, 60)
    assert value > 3.6


def test_objectives_by_hand():
    direction, mean = torch.tensor([1.0, -2.0]), torch.tensor([3.0, 1.0])
    assert away(direction, mean) == pytest.approx(4 + 9)
    assert uphill(direction, mean) == pytest.approx(-(3 - 2))
    assert away(None, mean) == uphill(None, mean) == -math.inf
    assert away(torch.tensor([math.nan, 0.0]), mean) == -math.inf


def test_outlook_of_a_server_that_steps_at_once():
    seen = view(aggregator=LiteralServer(), state=LiteralServer().init())
    vector = torch.ones(6)
    assert torch.equal(outlook(seen)(vector), vector)


def test_outlook_lets_the_others_follow_until_there_is_a_step():
    """A buffer of 4 that is empty: after worker 1 come 2 (a liar, with the same vector), 3 and 4 (honest rows 0, 1)."""
    server = LiteralServer(size=4)
    memory = Conspiracy(context(num_byzantine=3))
    seen = view(worker=1, aggregator=server, state=server.init(), memory=memory)
    vector = torch.full((6,), 8.0)
    assert_close(outlook(seen)(vector), (2 * vector + seen.honest[0] + seen.honest[1]) / 4)


def test_outlook_counts_what_is_in_the_buffer_already():
    server = LiteralServer(size=3)
    state = server.init()
    first = torch.arange(6.0)
    server.receive(state, Arrival(0.0, 9, 0, 9, first, first))
    seen = view(worker=2, aggregator=server, state=state, memory=Conspiracy(context()))
    vector = torch.full((6,), 8.0)
    assert_close(outlook(seen)(vector), (first + vector + seen.honest[0]) / 3)
    assert len(state.buffer) == 1


def test_outlook_of_a_round_is_the_whole_round():
    server = LiteralServer(size=10, slots=True)
    seen = view(worker=0, aggregator=server, state=server.init(), memory=Conspiracy(context()))
    vector = torch.full((6,), 8.0)
    assert_close(outlook(seen)(vector), (3 * vector + seen.honest.sum(dim=0)) / 10)


def test_outlook_without_a_step_is_the_accepted_vector_itself():
    server = LiteralServer(size=1000, cone=torch.ones(6))
    seen = view(aggregator=server, state=server.init())
    inside, outside = torch.full((6,), 0.6), torch.full((6,), -0.6)
    assert outlook(seen)(inside) is inside
    assert outlook(seen)(outside) is None


@pytest.mark.parametrize(("num_workers", "last"), [(10, 21), (30, 61), (120, 201)])
def test_outlook_looks_ahead_by_two_rounds_and_by_200_deliveries_at_most(num_workers, last):
    vector = torch.full((6,), 8.0)
    for size in (last, last + 1):  # its own, and those that follow
        server = LiteralServer(size=size)
        found = outlook(view(aggregator=server, state=server.init(), num_workers=num_workers))(vector)
        assert (found is vector) == (size > last)


def test_outlook_says_that_a_vector_is_refused():
    server = LiteralServer(size=3, cone=torch.ones(6))
    seen = view(aggregator=server, state=server.init(), honest=torch.ones(7, 6))
    assert outlook(seen)(torch.full((6,), -0.6)) is None
    assert outlook(seen)(torch.ones(6)) is not None


def median(rows):
    return rows.sort(dim=0).values[(len(rows) - 1) // 2]


SERVERS = [
    LiteralServer(),
    LiteralServer(size=5),
    LiteralServer(size=10, slots=True),
    LiteralServer(size=7, rule=median),
    LiteralServer(cone=torch.full((6,), 0.5)),
]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("name", "fixed"),
    [
        ("optimal_lie", functools.partial(attacks.lie, z=1.5)),
        ("optimal_ipm", functools.partial(attacks.ipm, epsilon=0.1)),
    ],
)
def test_optimal_attacks_do_at_least_the_harm_of_the_fixed_ones(server, name, fixed):
    attack, better = member(name), 0
    for seed in range(8):
        drawn = view(seed=seed, aggregator=server, state=server.init(), memory=attack.init(context()))
        seen = replace(drawn, honest=drawn.honest + 1.0)
        direction, mean = outlook(seen), seen.honest.mean(dim=0)
        optimal, usual = (away(direction(each(seen)), mean) for each in (attack.forge, fixed))
        assert optimal >= usual
        better += optimal > usual
    assert better > 0


def test_optimal_attacks_with_one_evaluation_are_the_fixed_ones():
    seen = view()
    assert torch.equal(attacks.optimal_lie(seen, evals=1), attacks.lie(seen, z=1.5))
    assert torch.equal(attacks.optimal_lie(seen, evals=1, sign=1), attacks.lie(seen, z=1.5, sign=1))
    assert torch.equal(attacks.optimal_ipm(seen, evals=1), attacks.ipm(seen, epsilon=0.1))


def test_optimal_attacks_stay_on_their_line():
    seen = view(d=6)
    std, mean = torch.std_mean(seen.honest, dim=0)
    ratio = (attacks.optimal_lie(seen) - mean) / -std
    assert_close(ratio, torch.full((6,), float(ratio[0])), rtol=1e-4, atol=1e-4)
    assert ratio[0] > 0
    ratio = attacks.optimal_ipm(seen) / -mean
    assert_close(ratio, torch.full((6,), float(ratio[0])), rtol=1e-4, atol=1e-4)
    assert ratio[0] > 0


def test_optimal_lie_hides_from_a_cone_just_so():
    """The largest accepted z, which a fine grid knows."""
    centre = torch.ones(6)
    server = LiteralServer(cone=centre)
    honest = view(seed=5).honest * 0.3 + centre
    seen = view(honest=honest, aggregator=server, state=server.init())
    std, mean = torch.std_mean(honest, dim=0)
    grid = [z for z in torch.arange(0.05, 40, 0.01).tolist() if (mean - z * std - centre).norm() <= 1.5 * centre.norm()]
    sent = attacks.optimal_lie(seen, evals=40)
    assert 0.9 * max(grid) <= float(((sent - mean) / -std)[0]) <= max(grid) + 0.02


def test_adaptive_does_at_least_the_harm_of_each_line_at_its_start():
    attack = member("adaptive")
    for server in SERVERS:
        seen = view(seed=3, aggregator=server, state=server.init(), memory=attack.init(context()))
        seen = replace(seen, honest=seen.honest + 1.0)
        direction, mean = outlook(seen), seen.honest.mean(dim=0)
        std = seen.honest.std(dim=0)
        sign = mean.sign() * mean.norm() / 6**0.5
        starts = [-mean, mean - 1.5 * std, mean - sign, seen.own - 0.1 * mean]
        sent = uphill(direction(attack.forge(seen)), mean)
        assert all(sent >= uphill(direction(start), mean) - 1e-5 for start in starts)


def test_adaptive_finds_the_one_line_that_is_open():
    """A server that takes what is within 2 std of the mean in every coordinate: mean − 2·std is the worst of that."""
    seen = view(seed=4)
    seen = replace(seen, honest=seen.honest * torch.tensor([0.1, 0.3, 1.0, 0.1, 0.3, 1.0]) + 6.0)
    std, mean = torch.std_mean(seen.honest, dim=0)

    class Box(LiteralServer):
        def receive(self, state, arrival):
            inside = bool(((arrival.vector - mean).abs() <= 2 * std).all())
            return Decision(inside, "box", float(inside), arrival.vector if inside else None, {})

    attack = member("adaptive", "attack.evals=60")
    sent = attack.forge(replace(seen, aggregator=Box(), memory=attack.init(context())))
    assert_close((sent - mean) / std, torch.full((6,), -2.0), atol=0.2, rtol=0)


def test_adaptive_finds_what_lies_on_no_line():
    """A server that takes what is near to mean − 1·mean − 1.5·std."""
    seen = view(seed=4)
    seen = replace(seen, honest=seen.honest * 0.5 + torch.tensor([6.0, 6, 6, 0, 0, 0]))
    std, mean = torch.std_mean(seen.honest, dim=0)
    corner = mean - 1.0 * mean - 1.5 * std

    class Near(LiteralServer):
        def receive(self, state, arrival):
            inside = bool((arrival.vector - corner).norm() <= 1.5)
            return Decision(inside, "near", float(inside), arrival.vector if inside else None, {})

    def harm(*overrides):
        attack = member("adaptive", *overrides)
        server = Near()
        sent = attack.forge(replace(seen, aggregator=server, state=server.init(), memory=attack.init(context())))
        return uphill(outlook(replace(seen, aggregator=server, state=server.init()))(sent), mean)

    assert harm("attack.plane=24") > harm("attack.plane=0") + 1.0


def test_adaptive_repeats_itself_where_everything_is_refused():
    attack = member("adaptive")
    memory = attack.init(context())
    first = attack.forge(view(aggregator=NOTHING, state=NOTHING.init(), memory=memory))
    again = attack.forge(view(seed=2, aggregator=NOTHING, state=NOTHING.init(), memory=memory))
    assert torch.equal(first, view().own)
    assert torch.equal(again, first)


def test_cone_hug_against_a_ball_goes_to_its_far_side():
    """AFLGuard with λ = 1.5 around v = mean accepts −(λ−1)·v."""
    seen = view(seed=1)
    seen = replace(seen, honest=seen.honest + 2.0)
    mean = seen.honest.mean(dim=0)
    server = LiteralServer(cone=mean)
    sent = attacks.cone_hug(replace(seen, aggregator=server, state=server.init()))
    assert (sent - mean).norm() <= 1.5 * mean.norm()
    assert_close(sent, -0.5 * mean, rtol=0.02, atol=0.0)


@pytest.mark.parametrize("cosine", [0.8, 0.02, -0.6])
def test_cone_hug_against_a_cone_ends_at_its_edge(cosine):
    seen = view(seed=1)
    seen = replace(seen, honest=seen.honest + 2.0)
    mean = seen.honest.mean(dim=0)
    server = LiteralServer(cone=mean, cosine=cosine)
    sent = attacks.cone_hug(replace(seen, aggregator=server, state=server.init()))
    found = float(torch.cosine_similarity(sent, mean, dim=0))
    assert cosine <= found <= cosine + 0.01


def test_cone_hug_of_a_server_that_takes_anything_goes_as_far_as_it_reaches():
    seen = view(seed=1, aggregator=LiteralServer(), state=LiteralServer().init())
    assert_close(attacks.cone_hug(seen, reach=3.0), seen.honest.mean(dim=0) * -2.0)


def test_cone_hug_without_a_way_sends_the_mean():
    seen = view(aggregator=NOTHING, state=NOTHING.init())
    assert torch.equal(attacks.cone_hug(seen), seen.honest.mean(dim=0))
