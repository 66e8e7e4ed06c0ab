"""Small worlds under the schemes of this folder."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from neighbour_rounds import NeighbourRounds
from pairwise import Pairwise
from replicated_rounds import ReplicatedRounds

from byzsgd import experiment
from byzsgd.interfaces import Event
from byzsgd.kernel.lookahead import events
from byzsgd.kernel.randomness import Streams
from byzsgd.kernel.world import World
from byzsgd.run.prepared import Prepared

LR = 0.1
LAWS = ("constant", "exponential", "normal", "pareto", "two_speed")
Graph = tuple[tuple[int, ...], ...]


def ring(n: int) -> Graph:
    return tuple(tuple(sorted({(node - 1) % n, (node + 1) % n} - {node})) for node in range(n))


def complete(n: int) -> Graph:
    return tuple(tuple(other for other in range(n) if other != node) for node in range(n))


def weights(graph: Graph) -> tuple[dict[int, float], ...]:
    """Equal weights of a node and its neighbours, in the order of the nodes."""
    return tuple({j: 1 / (len(row) + 1) for j in sorted((node, *row))} for node, row in enumerate(graph))


def seconds(prepared: Prepared) -> Callable[[int, int], float]:
    """(worker, round) -> seconds that the clock would not say."""
    return lambda worker, number: prepared.kernel.clock.durations(worker, number) * (1 + (worker + number) % 3)


def pairwise(prepared: Prepared, graph: Graph) -> Pairwise:
    return Pairwise(graph, Streams(0))


def mix_first(prepared: Prepared, graph: Graph) -> NeighbourRounds:
    return NeighbourRounds(weights(graph), step_first=False)


def step_first(prepared: Prepared, graph: Graph) -> NeighbourRounds:
    return NeighbourRounds(weights(graph), step_first=True)


def replicated(prepared: Prepared, graph: Graph) -> ReplicatedRounds:
    return ReplicatedRounds(2 if len(graph) % 2 == 0 else 1, seconds(prepared))


SCHEMES = (pairwise, mix_first, step_first, replicated)


@functools.cache
def loaded(*settings: str) -> Prepared:
    return experiment(*settings).prepare()


def prepare(scheme: Callable[[Prepared, Graph], Any], graph: Graph, *overrides: str) -> Prepared:
    """An experiment of one worker for every node of the graph, under this scheme."""
    settings = (
        f"num_workers={len(graph)}",
        "num_byzantine=0",
        "batch_size=4",
        "dtype=float64",
        "engine=loop",
        "model=logistic_regression",
    )
    made = loaded(*settings, "aggregator=asgd", f"optimizer.lr={LR}", *overrides)
    return replace(made, kernel=replace(made.kernel, scheme=scheme(made, graph), reads=False))


def begin(prepared: Prepared) -> World:
    return prepared.kernel.begin(prepared.initial.clone())


def go_on(prepared: Prepared, world: World, count: int) -> list[Event]:
    return list(itertools.islice(events(prepared.kernel, world, prepared.engine), count))


def play(prepared: Prepared, count: int) -> tuple[list[Event], World]:
    """The first events, and the world after them."""
    world = begin(prepared)
    return go_on(prepared, world, count), world


def schedule(played: list[Event]) -> list[tuple[float, int, int]]:
    return [(event.arrival.time, event.arrival.worker, event.serial) for event in played]


def round_schedule(prepared: Prepared, graph: Graph, count: int, first: str) -> list[tuple[float, int, int]]:
    """What `schedule` is for whole rounds: a node opens its next one when it and its neighbours are ready for this one.
    A neighbour is ready when it opens the round (`first` mix), or when it has its gradient (step)."""
    seconds, nodes = prepared.kernel.clock.durations, range(len(graph))
    opened, finished = [0.0 for _ in nodes], []
    for number in range(count):
        finish = [opened[i] + seconds(i, number) for i in nodes]
        ready = finish if first == "step" else opened
        opened = [max(finish[i], *(ready[j] for j in graph[i]), 0.0) for i in nodes]
        finished += [(finish[i], i, number) for i in nodes]
    return sorted(finished)
