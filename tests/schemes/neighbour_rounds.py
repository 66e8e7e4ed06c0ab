"""Rounds without a barrier as a scheme: a node waits for its neighbours alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from byzsgd.interfaces import Arrival, Decision, Delivery, Outcome, Verbs


@dataclass(eq=False)
class NeighbourRoundsState:
    """Where every node is, and what the others still need of it."""

    round: dict[int, int]
    outgoing: dict[tuple[int, int], Tensor]  # (node, round) -> (d,), at most two of a node
    gradients: dict[int, Tensor] = field(default_factory=dict)  # of nodes that wait for a neighbour


@dataclass(frozen=True, eq=False)
class NeighbourRounds:
    """D-PSGD (Lian and others: Can Decentralized Algorithms Outperform Centralized Algorithms?; NeurIPS 2017,
    arXiv 1705.09056): x_i ← Σ_j W_ij x_j − lr·g_i; with `step_first` x_i ← Σ_j W_ij (x_j − lr·g_j)."""

    server: ClassVar[bool] = False

    weights: tuple[dict[int, float], ...]  # row i: j -> W_ij, its own among them
    step_first: bool

    def check(self, num_workers: int) -> None: ...

    def nodes(self, num_workers: int) -> int:
        return num_workers

    def keeps(self, world: Any) -> int:
        return 0

    def begin(self, kernel: Verbs, world: Any) -> NeighbourRoundsState:
        state = NeighbourRoundsState(dict.fromkeys(world.models.live, 0), {})
        for node in world.models.live:
            self._open(kernel, world, state, node)
        return state

    def delivered(self, kernel: Verbs, world: Any, delivery: Delivery) -> Outcome:
        state, (node, read_at), gradient = world.scheme, delivery.key, delivery.message.vector
        step, before = world.models.version[node], sum(state.round.values())
        state.gradients[node] = gradient
        if self.step_first:
            kernel.apply(world, node, gradient)
            state.outgoing[node, state.round[node]] = world.models.live[node].clone()
        nodes = [node, *self.weights[node]]
        while nodes:
            mixed = nodes.pop(0)
            if self._ready(state, mixed):
                self._mix(kernel, world, state, mixed)
                nodes += self.weights[mixed]
        updated = self.step_first or sum(state.round.values()) > before
        arrival = Arrival(delivery.time, delivery.job.worker, read_at, step, gradient, None)
        return Outcome(arrival, Decision(True, "accepted", 1.0, gradient, {}), updated)

    def _ready(self, state: NeighbourRoundsState, node: int) -> bool:
        number = state.round[node]
        return node in state.gradients and all((other, number) in state.outgoing for other in self.weights[node])

    def _mix(self, kernel: Verbs, world: Any, state: NeighbourRoundsState, node: int) -> None:
        number, gradient = state.round[node], state.gradients.pop(node)
        kernel.assign(world, node, sum(w * state.outgoing[other, number] for other, w in self.weights[node].items()))
        if not self.step_first:
            kernel.apply(world, node, gradient)
        state.round[node] = number + 1
        for other in self.weights[node]:
            if all(state.round[reader] > number for reader in self.weights[other]):
                del state.outgoing[other, number]
        self._open(kernel, world, state, node)

    def _open(self, kernel: Verbs, world: Any, state: NeighbourRoundsState, node: int) -> None:
        if not self.step_first:
            state.outgoing[node, state.round[node]] = world.models.live[node].clone()
        kernel.start(world, node, node)
