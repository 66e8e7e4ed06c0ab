"""Asking the server in advance: which direction would it take, were this vector sent?"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, islice

import torch
from torch import Tensor

from byzsgd.interfaces import AdversaryContext, Arrival, View

HORIZON = 200  # deliveries that a liar thinks ahead at most
Outlook = Callable[[Tensor], Tensor | None]


@dataclass
class Conspiracy:
    """What liars know of each other: the State of attacks that need no more."""

    context: AdversaryContext


def outlook(view: View) -> Outlook:
    """A function from a vector to the direction (d,) that the server would take; None where it refuses the vector.

    Where the arrival alone completes no step (buffers, buckets, rounds), the other workers follow in cyclic order until
    one does: honest ones with their visible vectors, liars with the same vector, all of them fresh. Where none does
    within 2n deliveries (and within 200), the vector itself stands for the direction.
    """
    harmless = view.honest.mean(dim=0) if view.honest.shape[0] else view.own
    followers: list[tuple[int, Tensor | None]] = []
    for follower in (None, *islice(_others(view), min(2 * view.num_workers, HORIZON))):
        if follower is not None:
            followers.append(follower)
        if _decided(view, harmless, followers) is not None:
            return lambda vector: _decided(view, vector, followers)
    return lambda vector: vector if view.aggregator.preview(view.state, [view.arrival(vector)]).accepted else None


def _decided(view: View, vector: Tensor, followers: list[tuple[int, Tensor | None]]) -> Tensor | None:
    arrivals = [view.arrival(vector)]
    for worker, row in followers:
        sent = vector if row is None else row
        arrivals.append(Arrival(view.time, worker, view.step, view.step, sent, view.params))
    return view.aggregator.preview(view.state, arrivals).direction


def _others(view: View) -> Iterator[tuple[int, Tensor | None]]:
    """The other workers after this one, again and again, with what they would send; None: what this one sends."""
    memory = view.memory
    liars = set(memory.context.byzantine) if isinstance(memory, Conspiracy) else {view.worker}
    honest = [worker for worker in range(view.num_workers) if worker not in liars]
    # Rows are those of the honest workers in order; early on, when some are missing, the others stand in for them.
    count = view.honest.shape[0]
    rows = {worker: view.honest[place % count] for place, worker in enumerate(honest)} if count else {}
    after = ((view.worker + 1 + offset) % view.num_workers for offset in range(view.num_workers - 1))
    return cycle((worker, rows.get(worker)) for worker in after)


def away(direction: Tensor | None, mean: Tensor) -> float:
    """‖direction − mean‖², −inf for a refused vector."""
    return -math.inf if direction is None else _number(torch.dist(direction, mean) ** 2)


def uphill(direction: Tensor | None, mean: Tensor) -> float:
    """−⟨direction, mean⟩: how far the model is led back, −inf for a refused vector."""
    return -math.inf if direction is None else _number(-torch.dot(direction, mean))


def _number(value: Tensor) -> float:
    number = float(value)
    return -math.inf if math.isnan(number) else number
