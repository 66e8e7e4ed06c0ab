"""What holds for every scheme: versions and their readers, saving, engines, interruptions, poisoned data."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from pairwise import Pairwise
from scheme_world import (
    LR,
    SCHEMES,
    begin,
    complete,
    go_on,
    mix_first,
    pairwise,
    play,
    prepare,
    replicated,
    ring,
    schedule,
    seconds,
    step_first,
)

from byzsgd.interfaces import BatchKey
from byzsgd.kernel.randomness import Streams
from byzsgd.records.checkpoints import read_checkpoint, save_checkpoint
from byzsgd.records.recorder import Offsets

OWN = ("pairwise", "neighbour_rounds", "replicated_rounds")  # modules that hold the States
AWAY = ("delay=uniform", "delay/availability=bernoulli", "delay.availability.probability=0.6",
        "delay.availability.slot=2.0")  # fmt: skip
every_scheme = pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.__name__)


def models(world):
    return torch.stack([world.models.live[node] for node in sorted(world.models.live)])


def same(one, other):
    """Events with all that they carry, to the bit."""
    assert schedule(one) == schedule(other)
    for left, right in zip(one, other, strict=True):
        assert (left.norm, left.updated, left.read_at_true) == (right.norm, right.updated, right.read_at_true)
        assert left.arrival.staleness == right.arrival.staleness
        assert torch.equal(left.arrival.vector, right.arrival.vector)


def test_pairwise_averaging_moves_the_mean_by_its_gradient_alone():
    prepared = prepare(pairwise, ring(8), "delay=exponential")
    world = begin(prepared)
    for _ in range(60):
        before = models(world).mean(0)
        (event,) = go_on(prepared, world, 1)
        torch.testing.assert_close(models(world).mean(0), before - LR * event.arrival.vector / 8, rtol=0, atol=1e-14)


@every_scheme
def test_one_worker_is_plain_sgd(scheme):
    prepared = prepare(scheme, ring(1), "delay=exponential")
    _, world = play(prepared, 20)
    params = prepared.initial.clone()
    for serial in range(20):
        params.sub_(prepared.problem.gradient(params, prepared.batches.batch(BatchKey(0, serial))), alpha=LR)
    assert torch.equal(world.models.live[0], params)


def test_a_complete_graph_from_equal_models_is_synchronous_sgd():
    prepared = prepare(step_first, complete(5), "delay=exponential")
    _, world = play(prepared, 5 * 12)
    params = prepared.initial.clone()
    for number in range(12):
        rows = [prepared.problem.gradient(params, prepared.batches.batch(BatchKey(i, number))) for i in range(5)]
        params.sub_(torch.stack(rows).mean(0), alpha=LR)
    assert world.scheme.round == dict.fromkeys(range(5), 12)
    torch.testing.assert_close(models(world), params.expand(5, -1), rtol=0, atol=1e-12)


@every_scheme
@pytest.mark.parametrize("law", ["constant", "pareto"])
def test_a_delivery_raises_the_version_of_what_it_writes_by_one(scheme, law):
    prepared = prepare(scheme, ring(8), f"delay={law}")
    world = begin(prepared)
    for _ in range(60):
        versions, before = dict(world.models.version), models(world)
        go_on(prepared, world, 1)
        changed = (models(world) != before).any(1).tolist()
        raised = {node: version - versions[node] for node, version in world.models.version.items()}
        assert set(raised.values()) <= {0, 1}
        assert all(raised[node] for node, moved in enumerate(changed) if moved)
        assert {node for node, more in raised.items() if more} == set(world.models.written)
    assert sum(world.models.applied.values()) == world.updates


class Hasty(Pairwise):
    """Sends its worker off before it has written the last of the node's model."""

    def delivered(self, kernel, world, delivery):
        node = delivery.key[0]
        kernel.assign(world, node, world.models.live[node] * 2)
        kernel.start(world, delivery.job.worker, node)
        kernel.apply(world, node, delivery.message.vector)


def test_a_model_that_somebody_has_just_read_is_not_written_again():
    prepared = prepare(lambda made, graph: Hasty(graph, Streams(0)), ring(8), "delay=exponential")
    with pytest.raises(RuntimeError, match="needs to write node . before it starts a worker"):
        play(prepared, 1)


@every_scheme
@pytest.mark.parametrize("settings", [("delay=pareto",), AWAY], ids=["busy", "away"])
def test_nothing_is_kept_without_a_reader_and_readers_are_counted(scheme, settings):
    prepared = prepare(scheme, ring(8), *settings)
    world = begin(prepared)
    for _ in range(150):
        go_on(prepared, world, 1)
        readers = Counter(key for flying in world.pending.values() for key in flying.keys)
        for node, work, _ in world.waiting.values():
            readers.update((node, version) for version in (work.versions if work is not None else ()))
        assert world.models.readers == dict(readers)
        assert set(world.models.earlier) <= set(readers)
        assert all(world.models.has(key) for key in readers)


@every_scheme
@pytest.mark.parametrize("settings", [("delay=exponential",), AWAY], ids=["busy", "away"])
@pytest.mark.parametrize("engine", ["loop", "fused"])
def test_a_world_is_saved_midway_and_goes_on_to_the_same_bits(tmp_path, scheme, settings, engine):
    prepared = prepare(scheme, ring(8), f"engine={engine}", *settings)
    whole, world = play(prepared, 90)
    half = begin(prepared)
    first = go_on(prepared, half, 41)
    outside = prepared.contexts(half.models.live[0])
    path = save_checkpoint(tmp_path, 41, half, Offsets())
    del half
    loaded = read_checkpoint(path, outside, OWN).tree
    same(whole, first + go_on(prepared, loaded, 49))
    assert torch.equal(models(world), models(loaded))


@every_scheme
def test_engines_and_looking_ahead_change_no_event(scheme):
    looking, _ = play(prepare(scheme, ring(8), "delay=exponential"), 90)
    made = prepare(scheme, ring(8), "delay=exponential")
    single, _ = play(replace(made, engine=replace(made.engine, group=1, ahead=1)), 90)
    same(looking, single)
    fused, _ = play(prepare(scheme, ring(8), "delay=exponential", "engine=fused"), 90)
    assert schedule(fused) == schedule(looking)
    for one, other in zip(fused, looking, strict=True):
        assert (one.updated, one.arrival.staleness) == (other.updated, other.arrival.staleness)
        torch.testing.assert_close(one.arrival.vector, other.arrival.vector, rtol=0, atol=1e-11)


def test_interrupted_workers_come_back_with_the_work_and_seconds_that_were_named():
    """Late parts are the gradients of the round that they were named for, however far the model is by then."""
    prepared = prepare(replicated, ring(8), *AWAY)
    played, world = play(prepared, 250)
    assert sum(event.decision.reason == "late" for event in played) > 5
    params, history = prepared.initial.clone(), []
    for number in range(world.scheme.round):
        history.append(params)
        rows = [prepared.problem.gradient(params, prepared.batches.batch(BatchKey(k, number))) for k in range(4)]
        params = params.sub(torch.stack(rows).mean(0), alpha=LR)
    assert torch.equal(world.models.live[0], params)
    history.append(params)
    for event in played:
        group, number = event.arrival.worker // 2, event.arrival.read_at
        named = prepared.problem.gradient(history[number], prepared.batches.batch(BatchKey(group, number)))
        assert torch.equal(event.arrival.vector, named)
    assert any(event.serial > event.arrival.read_at for event in played)  # some jobs were lost


def test_jobs_take_the_seconds_that_were_named():
    prepared = prepare(replicated, ring(8), *AWAY)
    said, world = seconds(prepared), begin(prepared)
    late = 0
    for _ in range(150):
        go_on(prepared, world, 1)
        for worker, flying in world.pending.items():
            number = flying.work.requests[0][0]
            assert flying.job.finish == flying.job.start + said(worker, number)
            late += number < world.scheme.round
    assert late > 0


@pytest.mark.parametrize("scheme", [mix_first, step_first], ids=lambda scheme: scheme.__name__)
def test_interrupted_nodes_lose_time_and_no_round(scheme):
    prepared = prepare(scheme, ring(8), *AWAY)
    played, world = play(prepared, 150)
    delivered = Counter(event.arrival.worker for event in played)
    assert any(event.serial >= delivered[event.arrival.worker] for event in played)  # some jobs were lost
    assert all(delivered[node] == number + (node in world.scheme.gradients)
               for node, number in world.scheme.round.items())  # fmt: skip


@every_scheme
def test_poisoned_data_poison_the_gradients_of_liars_alone(scheme):
    settings = ("num_byzantine=2", "byzantine_ids=[1,6]", "f=0", "attack=label_flip", "delay=exponential")
    prepared = prepare(scheme, ring(8), *settings)
    attack = prepared.engine.poisons[1]
    played, _ = play(prepared, 24)
    assert {event.arrival.worker for event in played if event.byzantine} == {1, 6}
    first = {event.arrival.worker: event for event in reversed(played) if event.arrival.read_at == 0}
    assert first.keys() & {1, 6}
    for worker, event in first.items():
        block = worker // 2 if scheme is replicated else worker
        batch = prepared.batches.batch(BatchKey(block, 0))
        clean = prepared.problem.gradient(prepared.initial, batch)
        flipped = prepared.problem.gradient(prepared.initial, attack.poison(batch))
        assert torch.equal(event.arrival.vector, flipped if event.byzantine else clean)
        assert not torch.equal(flipped, clean)
