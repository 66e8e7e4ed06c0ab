"""Events made by hand, as the simulation would yield them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from byzsgd.interfaces import Arrival, Decision, Event, Message
from byzsgd.records.rows import Block, Columns

SCORES = ("lipschitz", "lipschitz_threshold")
CONFIG = {
    "seed": 3,
    "num_workers": 4,
    "dataset": {"_target_": "byzsgd.datasets.digits", "trusted": 100},
    "optimizer": {"_target_": "byzsgd.optimizers.sgd", "lr": 1e-5, "clip": math.inf},
    "aggregator": {"_target_": "byzsgd.aggregators.kardam", "filters": {"lipschitz": {"f": 1}, "frequency": {"f": 1}}},
}
CHOICES = {"aggregator": "kardam", "attack": "none"}
INFO = {"status": "running", "seed": 3, "byzantine_ids": [2]}


def event(number: int) -> Event:
    """The number-th delivery: every third is refused, worker 2 lies."""
    worker = number % 4
    vector = torch.full((3,), float(number))
    accepted = number % 3 != 2
    scores = {"lipschitz": number / 3, "lipschitz_threshold": math.inf} if number % 2 else {"lipschitz": math.nan}
    return Event(
        arrival=Arrival(number * 0.1, worker, number // 2, number // 2 + worker, vector, vector),
        message=Message(vector, 96),
        decision=Decision(accepted, "accepted" if accepted else "lipschitz", 0.5 * accepted, None, scores),
        serial=number // 4,
        byzantine=worker == 2,
        read_at_true=number // 2,
        norm=float(vector.norm()),
        updated=accepted,
    )


def events(first: int, last: int) -> Iterator[Event]:
    return map(event, range(first, last))


def block(first: int, last: int) -> Columns:
    made = Block(SCORES)
    for delivery in events(first, last):
        made.add(delivery)
    return made.take()


def metrics(arrivals: int) -> dict[str, float | int | None]:
    return {
        "step": arrivals // 2,
        "time": arrivals * 0.1,
        "arrivals": arrivals,
        "train_loss": 1 / (1 + arrivals),
        "test_loss": math.nan if arrivals > 8 else 2.0,
        "test_accuracy": None,
        "suboptimality": math.inf,
    }
