"""Replicated rounds as a scheme: it names what workers compute and how long they take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from byzsgd.interfaces import Arrival, BatchKey, Decision, Delivery, Gradients, Outcome, Verbs

NODE = 0


@dataclass(eq=False)
class ReplicatedRoundsState:
    """The round under way."""

    round: int = 0  # which is the version of the model too
    parts: dict[int, Tensor] = field(default_factory=dict)  # group -> (d,) its gradient
    doing: dict[int, int] = field(default_factory=dict)  # worker -> the round that it computes for
    idle: dict[int, None] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class ReplicatedRounds:
    """Fractional repetition (Tandon, Lei, Dimakis, Karampatziakis: Gradient Coding; ICML 2017, arXiv 1612.03301): the
    workers of group k = ⌊worker / copies⌋ all compute batch (k, round), and the first of them counts.
    x ← x − lr·mean_k g_k. A worker that comes back into a later round finishes what it was told, for nothing."""

    server: ClassVar[bool] = False

    copies: int
    seconds: Callable[[int, int], float]  # (worker, round) -> seconds

    def check(self, num_workers: int) -> None: ...

    def nodes(self, num_workers: int) -> int:
        return 1

    def keeps(self, world: Any) -> int:
        return 0

    def begin(self, kernel: Verbs, world: Any) -> ReplicatedRoundsState:
        state = ReplicatedRoundsState()
        for worker in sorted(world.workers):
            self._start(kernel, world, state, worker)
        return state

    def delivered(self, kernel: Verbs, world: Any, delivery: Delivery) -> Outcome:
        state, worker, vector = world.scheme, delivery.job.worker, delivery.message.vector
        number, group = state.round, worker // self.copies
        done = state.doing.pop(worker)
        if done < number:
            if group in state.parts:
                state.idle[worker] = None
            else:
                self._start(kernel, world, state, worker)
            arrival = Arrival(delivery.time, worker, done, number, vector, None)
            return Outcome(arrival, Decision(False, "late", 0.0, None, {}), False)
        state.parts[group] = vector
        state.idle[worker] = None
        for other in sorted(state.doing):
            if other // self.copies == group and kernel.cancel(world, other):
                del state.doing[other]
                state.idle[other] = None
        direction = None
        if len(state.parts) == len(world.workers) // self.copies:
            direction = torch.stack([state.parts[k] for k in sorted(state.parts)]).mean(0)
            kernel.apply(world, NODE, direction)
            ready, state.round, state.parts, state.idle = sorted(state.idle), number + 1, {}, {}
            for each in ready:
                self._start(kernel, world, state, each)
        arrival = Arrival(delivery.time, worker, done, number, vector, None)
        return Outcome(arrival, Decision(True, "accepted", 1.0, direction, {}), direction is not None)

    def _start(self, kernel: Verbs, world: Any, state: ReplicatedRoundsState, worker: int) -> None:
        work = Gradients(((state.round, BatchKey(worker // self.copies, state.round)),))
        kernel.start(world, worker, NODE, work=work, seconds=self.seconds(worker, state.round))
        state.doing[worker] = state.round
