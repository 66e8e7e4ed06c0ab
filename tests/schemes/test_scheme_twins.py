"""Three schemes against literal loops with a heap of their own: the same arrivals, the same models to the bit."""

from __future__ import annotations

import heapq

import pytest
import torch
from scheme_world import (
    LAWS,
    LR,
    complete,
    mix_first,
    pairwise,
    play,
    prepare,
    replicated,
    ring,
    round_schedule,
    schedule,
    step_first,
    weights,
)
from scheme_world import seconds as named

from byzsgd.interfaces import BatchKey
from byzsgd.kernel.randomness import Streams

PLACES = [*((ring(8), law) for law in LAWS), (ring(2), "exponential"), (complete(5), "exponential")]
on_graphs = pytest.mark.parametrize(("graph", "law"), PLACES, ids=lambda value: value if value in LAWS else len(value))


def gradient(prepared, params, block, serial):
    return prepared.problem.gradient(params, prepared.batches.batch(BatchKey(block, serial)))


def pairwise_twin(prepared, graph, count):
    """AD-PSGD (arXiv 1710.06952), algorithm 1, one event after another."""
    seconds = prepared.kernel.clock.durations
    models = [prepared.initial.clone() for _ in graph]
    reads = [model.clone() for model in models]
    heap = [(seconds(node, 0), node, 0) for node in range(len(graph))]
    heapq.heapify(heap)
    met = []
    for _ in range(count):
        time, node, serial = heapq.heappop(heap)
        step = gradient(prepared, reads[node], node, serial)
        if graph[node]:
            choice = Streams(0).generator("gossip", node, serial).integers(len(graph[node]))
            partner = graph[node][choice]
            models[node] = (models[node] + models[partner]) / 2
            models[partner] = models[node].clone()
        models[node] = models[node].sub(step, alpha=LR)
        reads[node] = models[node].clone()
        heapq.heappush(heap, (time + seconds(node, serial + 1), node, serial + 1))
        met.append((time, node, serial))
    return met, models


def round_twin(prepared, graph, count, first):
    """D-PSGD (arXiv 1705.09056), algorithm 1, one round after another for all nodes; who waits for whom in a second
    look."""
    nodes, rows, history = range(len(graph)), weights(graph), [[prepared.initial.clone() for _ in graph]]
    for number in range(count):
        models = history[-1]
        gradients = [gradient(prepared, models[i], i, number) for i in nodes]
        if first == "step":
            sent = [models[i].sub(gradients[i], alpha=LR) for i in nodes]
            history.append([sum(w * sent[j] for j, w in rows[i].items()) for i in nodes])
        else:
            history.append([sum(w * models[j] for j, w in rows[i].items()).sub(gradients[i], alpha=LR) for i in nodes])
    return round_schedule(prepared, graph, count, first), history


def replicated_twin(prepared, graph, count):
    """Fractional repetition, whole rounds: a group has its gradient when its first worker has."""
    seconds, time, params = named(prepared), 0.0, prepared.initial.clone()
    met, groups = [], len(graph) // 2
    for number in range(count):
        heap = sorted((time + seconds(worker, number), worker) for worker in range(len(graph)))
        firsts = {}
        for finish, worker in heap:
            firsts.setdefault(worker // 2, (finish, worker, number))
        met += sorted(firsts.values())
        time = max(first[0] for first in firsts.values())
        parts = [gradient(prepared, params, group, number) for group in range(groups)]
        params = params.sub(torch.stack(parts).mean(0), alpha=LR)
    return met, params


@on_graphs
def test_pairwise_averaging_is_its_literal_twin(law, graph):
    prepared = prepare(pairwise, graph, f"delay={law}")
    played, world = play(prepared, 80)
    met, models = pairwise_twin(prepared, graph, 80)
    assert schedule(played) == met
    assert all(torch.equal(world.models.live[node], model) for node, model in enumerate(models))
    assert len({event.arrival.staleness for event in played}) > 1


@on_graphs
@pytest.mark.parametrize("first", ["mix", "step"])
def test_rounds_among_neighbours_are_their_literal_twin(law, first, graph):
    prepared = prepare(step_first if first == "step" else mix_first, graph, f"delay={law}")
    played, world = play(prepared, 80)
    met, history = round_twin(prepared, graph, 80 // len(graph) + 10, first)
    assert schedule(played) == met[:80]
    state = world.scheme
    for node, number in state.round.items():
        expected = history[number][node]
        if first == "step" and node in state.gradients:
            expected = expected.sub(state.gradients[node], alpha=LR)
        assert torch.equal(world.models.live[node], expected)
    assert len(state.outgoing) <= 2 * len(graph)


def test_nobody_waits_for_the_whole_ring():
    _, world = play(prepare(mix_first, ring(8), "delay=pareto"), 300)
    rounds = world.scheme.round
    assert all(abs(rounds[node] - rounds[other]) <= 1 for node in range(8) for other in ring(8)[node])
    assert max(rounds.values()) - min(rounds.values()) > 1


@pytest.mark.parametrize("law", LAWS)
def test_named_work_and_seconds_are_their_literal_twin(law):
    prepared = prepare(replicated, ring(8), f"delay={law}")
    played, world = play(prepared, 80)
    met, params = replicated_twin(prepared, ring(8), 20)
    assert schedule(played) == met
    assert world.updates == 20
    assert torch.equal(world.models.live[0], params)
