"""Schemes with redundancy: exact directions whoever is late, liars that do not count, work that is computed once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest
import torch
from code_world import LR, plain_sgd, prepared, rounds
from thinning import one_in

from byzsgd import experiment
from byzsgd.config import ConfigError
from byzsgd.interfaces import BatchKey
from byzsgd.kernel.lookahead import events
from byzsgd.records.checkpoints import read_checkpoint, save_checkpoint
from byzsgd.records.recorder import Offsets

TREE = ("scheme=tree", "num_workers=12", "scheme.children=3", "scheme.stragglers=1")
EXACT = {
    "uncoded": ("scheme=coded", "scheme/code=none", "num_workers=8"),
    "fractional_repetition": ("scheme=coded", "scheme/code=fractional_repetition", "num_workers=9"),
    "cyclic": ("scheme=coded", "scheme/code=cyclic", "num_workers=8"),
    "cyclic_mds": ("scheme=coded", "scheme/code=cyclic_mds", "num_workers=9"),
    "auto": ("scheme=coded", "scheme.code.stragglers=3", "num_workers=7"),
    "draco_repetition": ("scheme=coded", "scheme/code=draco_repetition", "f=1", "num_workers=9"),
    "draco_cyclic": ("scheme=coded", "scheme/code=draco_cyclic", "f=2", "num_workers=8"),
    "tree": TREE,
    "deep_tree": ("scheme=tree", "num_workers=14", "scheme.children=2", "scheme.layers=3", "scheme.stragglers=1"),
    "plain_tree": ("scheme=tree", "num_workers=12", "scheme.children=3", "scheme.stragglers=0"),
    "ring": ("scheme=ring_allreduce", "num_workers=6"),
}
every_exact_scheme = pytest.mark.parametrize("settings", EXACT.values(), ids=EXACT)
LINK = ("delay/communication=link", "delay.communication.per_message=0.05")


def close(one, other, relative=1e-9):
    torch.testing.assert_close(one, other, rtol=0, atol=relative * float(other.abs().max()))


@every_exact_scheme
@pytest.mark.parametrize("way", [(), LINK], ids=["free", "link"])
def test_whoever_is_late_the_model_is_that_of_full_rounds(settings, way):
    made = prepared(*settings, *way)
    played, world = rounds(made, 8)
    close(world.models.live[0], plain_sgd(made, 8))
    steps = [event for event in played if event.updated]
    assert len(steps) == 8 == world.updates
    assert [event.arrival.time for event in played] == sorted(event.arrival.time for event in played)


@pytest.mark.parametrize("name", ["fractional_repetition", "cyclic", "draco_cyclic", "tree"])
def test_patterns_of_stragglers_vary(name):
    played, _ = rounds(prepared(*EXACT[name]), 12)
    met, taken = set(), []
    for event in played:
        taken.append(event.arrival.worker)
        if event.updated:
            met.add(frozenset(taken))
            taken = []
    assert len(met) > 6


def test_without_redundancy_rounds_are_those_of_a_server():
    coded = prepared("scheme=coded", "scheme/code=none", "num_workers=8")
    served = prepared("aggregator=mean", "num_workers=8")
    played, world = rounds(coded, 6)
    other = served.kernel.begin(served.initial.clone())
    met = list(islice(events(served.kernel, other, served.engine), 48))
    assert [(e.arrival.time, e.arrival.worker, e.serial) for e in played] == [
        (e.arrival.time, e.arrival.worker, e.serial) for e in met
    ]
    close(world.models.live[0], other.models.live[0])


def test_who_ignores_stragglers_scales_what_is_left():
    made = prepared("scheme=coded", "scheme/code=none", "scheme.code.stragglers=3", "num_workers=8")
    (*_, last), world = rounds(made, 1)
    first = sorted(range(8), key=lambda worker: made.kernel.clock.durations(worker, 0))[:5]
    assert last.decision.scores["dropped"] == 3
    rows = [made.problem.gradient(made.initial, made.batches.batch(key_of(block, 0))) for block in first]
    close(world.models.live[0], made.initial - LR * torch.stack(rows).mean(0))


def key_of(block, serial):
    return BatchKey(block, serial)


def test_a_tree_of_one_layer_is_gradient_coding():
    tree = ("scheme=tree", "num_workers=8", "scheme.children=8", "scheme.layers=1", "scheme.stragglers=2")
    coded = ("scheme=coded", "scheme/code=cyclic", "num_workers=8")
    (one, world), (other, same) = (rounds(prepared(*settings, *LINK), 6) for settings in (tree, coded))
    steps = [[(e.arrival.worker, e.arrival.read_at) for e in played] for played in (one, other)]
    assert steps[0] == steps[1]
    assert [e.arrival.time for e in one] == pytest.approx([e.arrival.time for e in other], rel=1e-12)
    close(world.models.live[0], same.models.live[0])


@pytest.mark.parametrize("name", ["fractional_repetition", "tree", "ring", "draco_repetition"])
def test_every_block_is_computed_once_in_a_round(name):
    made = prepared(*EXACT[name])
    calls = []

    class Counting:
        def __getattr__(self, attribute):
            return getattr(made.engine.engine, attribute)

        def results(self, tasks):
            calls.append([task.work.requests[0][1] for task in tasks])
            return made.engine.engine.results(tasks)

    counted = replace(made, engine=replace(made.engine, engine=Counting(), rounds=[]))
    rounds(counted, 5)
    assert len(calls) == 5
    assert [Counter(key.serial for key in keys) for keys in calls] == [{n: len(made.blocks)} for n in range(5)]


LIES = ("reversed", "gaussian", "not_a_number", "sign_flip", "label_flip", "ipm")


@pytest.mark.parametrize("attack", one_in(2, LIES))
@pytest.mark.parametrize(("code", "exact"), [("draco_repetition", True), ("draco_cyclic", False)])
def test_draco_goes_where_it_would_go_without_liars(code, exact, attack):
    settings = ("scheme=coded", f"scheme/code={code}", "f=2", "num_workers=10", "knowledge=in_flight")
    _, clean = rounds(prepared(*settings), 8)
    lied = prepared(*settings, "num_byzantine=2", "byzantine_ids=[3,4]", f"attack={attack}")
    played, world = rounds(lied, 8)
    assert {event.byzantine for event in played} == {False, True}
    assert all(event.decision.scores.get("left_out", 0) == 0 for event in played)
    if exact:
        assert torch.equal(world.models.live[0], clean.models.live[0])
    else:
        close(world.models.live[0], clean.models.live[0])


def test_poisoned_data_are_those_of_the_liar_alone():
    settings = ("scheme=coded", "scheme/code=none", "num_workers=6", "num_byzantine=1", "byzantine_ids=[2]")
    made = prepared(*settings, "attack=label_flip")
    _, world = rounds(made, 1)
    batches = [made.batches.batch(BatchKey(block, 0)) for block in range(6)]
    batches[2] = made.kernel.adversary.attack.poison(batches[2])
    rows = [made.problem.gradient(made.initial, batch) for batch in batches]
    close(world.models.live[0], made.initial - LR * torch.stack(rows).mean(0))
    assert not torch.allclose(world.models.live[0], plain_sgd(made, 1), atol=1e-6)


def test_uncoded_rounds_go_elsewhere():
    settings = ("scheme=coded", "scheme/code=none", "num_workers=10")
    _, clean = rounds(prepared(*settings), 4)
    _, world = rounds(prepared(*settings, "num_byzantine=2", "byzantine_ids=[3,4]", "attack=reversed"), 4)
    assert not torch.allclose(world.models.live[0], clean.models.live[0], atol=1e-2)


def test_a_vote_that_is_lost_is_counted():
    made = prepared("scheme=coded", "scheme/code=draco_repetition", "f=1", "num_workers=9", "num_byzantine=2",
                    "byzantine_ids=[0,1]", "attack=gaussian")  # fmt: skip
    played, world = rounds(made, 3)
    assert [event.decision.scores["left_out"] for event in played if event.updated] == [1.0] * 3
    params = made.initial.clone()
    for number in range(3):
        rows = [made.problem.gradient(params, made.batches.batch(key_of(block, number))) for block in range(3, 9)]
        params = params - LR * torch.stack(rows).mean(0)
    close(world.models.live[0], params)


def test_detox_loses_a_group_and_little_else():
    liars = ("num_byzantine=2", "byzantine_ids=[3,4]", "attack=reversed")
    settings = ("scheme=coded", "num_workers=15")
    moved = {}
    for code in ("detox", "none"):
        _, clean = rounds(prepared(*settings, f"scheme/code={code}"), 6)
        _, world = rounds(prepared(*settings, f"scheme/code={code}", *liars), 6)
        moved[code] = float((world.models.live[0] - clean.models.live[0]).norm())
    assert 0 < moved["detox"] < moved["none"] / 3


def test_a_lie_at_an_inner_node_stands_for_its_subtree():
    settings = ("scheme=tree", "num_workers=6", "scheme.children=2", "scheme.stragglers=0", "delay=constant")
    made = prepared(*settings, "num_byzantine=1", "byzantine_ids=[0]", "attack=zero")
    played, world = rounds(made, 1)
    assert [event.arrival.worker for event in played if event.byzantine] == [0]
    # Half of the six blocks hang below worker 0: its zero takes all of them out.
    whole = made.kernel.scheme.shares
    kept = [int(part) for worker in (1, 4, 5) for part in whole.parts[worker]]
    rows = [made.problem.gradient(made.initial, made.batches.batch(key_of(block, 0))) for block in kept]
    close(world.models.live[0], made.initial - LR * torch.stack(rows).sum(0) / 6)


def test_an_honest_node_may_send_on_what_is_not_finite():
    run = experiment(*TREE, "num_byzantine=1", "byzantine_ids=[11]", "f=0", "attack=not_a_number", "budget.arrivals=60",
                     "eval_every=60", "scheme.stragglers=0").run()  # fmt: skip
    assert run.info["status"] == "diverged"


def test_rows_of_a_tree_tell_who_sent_what():
    made = prepared(*EXACT["tree"])
    played, _ = rounds(made, 10)
    tree = made.kernel.scheme.tree
    for event in played:
        scores = event.decision.scores
        assert event.message.bits == 32 * made.problem.num_parameters
        assert scores["load"] == pytest.approx(tree.load)
        inner = len(tree.children_of(event.arrival.worker)) > 0
        assert scores.get("dropped") == (1 if inner else None)
    taken = Counter((event.arrival.read_at, tree.parent(event.arrival.worker)) for event in played)
    assert all(count <= 2 for count in taken.values())  # n − s of a parent
    assert all(taken[number, -1] == 2 for number in range(10))
    loads = {event.arrival.worker for event in played}
    assert len(loads) == 12  # everybody is in time once


def test_a_parent_receives_one_message_at_a_time():
    made = prepared(*TREE, *LINK)
    played, _ = rounds(made, 6)
    tree, times = made.kernel.scheme.tree, {}
    for event in played:
        times.setdefault((event.arrival.read_at, tree.parent(event.arrival.worker)), []).append(event.arrival.time)
    gaps = [later - earlier for met in times.values() for earlier, later in zip(met, met[1:], strict=False)]
    assert min(gaps) >= 0.05 - 1e-9


def test_bits_of_a_ring_are_those_of_its_chunks():
    made = prepared(*EXACT["ring"])
    played, _ = rounds(made, 1)
    d = made.problem.num_parameters
    assert {event.message.bits for event in played} == {-(-2 * 5 * 32 * d // 6)}
    assert len({event.arrival.time for event in played}) == 1


SAVED = ("fractional_repetition", "cyclic", "draco_cyclic", "tree", "ring")


@pytest.mark.parametrize("name", SAVED)
def test_a_world_is_saved_within_a_round_and_goes_on_to_the_same_bits(tmp_path, name):
    made = prepared(*EXACT[name])
    _, whole = rounds(made, 7)
    half = made.kernel.begin(made.initial.clone())
    assert len(list(islice(events(made.kernel, half, made.engine), 17))) == 17
    assert half.scheme.round < 5
    outside = made.contexts(half.models.live[0])
    path = save_checkpoint(tmp_path, 17, half, Offsets())
    del half
    fresh = replace(made, engine=replace(made.engine, rounds=[]))
    loaded = read_checkpoint(path, outside).tree
    _, world = rounds(fresh, 7, loaded)
    assert torch.equal(world.models.live[0], whole.models.live[0])


def test_a_round_that_waits_for_ever_stalls():
    crashed = (
        "num_byzantine=3",
        "byzantine_ids=[0,1,2]",
        "attack=crash",
        "budget.arrivals=100",
        "eval_every=100",
        "f=0",
    )
    run = experiment("scheme=coded", "scheme/code=cyclic", "num_workers=8", *crashed).run()
    assert run.info["status"] == "stalled"
    assert len(run.arrivals) == 5
    enough = ("scheme=coded", "scheme/code=cyclic", "scheme.code.stragglers=3", "num_workers=8")
    assert experiment(*enough, *crashed).run().info["status"] == "finished"


def test_workers_that_were_away_come_back_late():
    away = ("delay=uniform", "delay/availability=bernoulli", "delay.availability.probability=0.6",
            "delay.availability.slot=2.0")  # fmt: skip
    made = prepared("scheme=coded", "scheme/code=cyclic", "num_workers=8", *away)
    played, world = rounds(made, 25)
    assert "late" in {event.decision.reason for event in played}
    close(world.models.live[0], plain_sgd(made, 25))


@pytest.mark.parametrize(
    ("settings", "needs"),
    [
        (("scheme=coded", "aggregator=mean"), "scheme coded needs no aggregator"),
        (("scheme=coded", "worker=momentum"), "scheme coded needs worker=gradient"),
        (("scheme=coded", "scheme/code=fractional_repetition", "scheme.code.stragglers=1"), r"\(stragglers \+ 1\)"),
        (("scheme=coded", "delay=d1"), "scheme coded needs a delay in seconds"),
        (
            ("scheme=coded", "delay/communication=link", "delay/availability=bernoulli"),
            "needs delay/availability=always",
        ),
        (("scheme=coded", "scheme/code=draco_repetition"), "replicas to divide the number of workers"),
        (("scheme=tree",), "scheme tree needs num_workers=20"),
        (("scheme=tree", "num_workers=20", "attack=crash"), "scheme tree needs an attack without timing"),
        (("scheme=tree", "num_workers=20", "scheme/code=cyclic_mds"), None),
        (("scheme=ring_allreduce", "delay/availability=bernoulli"), "ring_allreduce needs delay/availability=always"),
        (("scheme=coded", "stamps=false"), "stamps=true"),
        (("scheme=coded", "scheme/rule=median"), "scheme/rule"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(settings, needs):
    if needs is None:
        experiment(*settings)
        return
    with pytest.raises((ValueError, ConfigError), match=needs) as refused:
        experiment(*settings)
    assert "\n" not in str(refused.value)
