"""Small worlds under schemes with redundancy, and the loop that they must come to."""

from __future__ import annotations

from functools import cache

import torch

from byzsgd import experiment
from byzsgd.interfaces import BatchKey, Event
from byzsgd.kernel.lookahead import events
from byzsgd.kernel.world import World
from byzsgd.run.prepared import Prepared

LR = 0.1
SETTINGS = ("num_byzantine=0", "f=0", "batch_size=4", "dtype=float64", "engine=fused", "model=logistic_regression",
            f"optimizer.lr={LR}", "delay=pareto")  # fmt: skip


@cache
def prepared(*settings: str) -> Prepared:
    return experiment(*SETTINGS, *settings).prepare()


def rounds(made: Prepared, count: int, world: World | None = None) -> tuple[list[Event], World]:
    """So many whole rounds."""
    world = made.kernel.begin(made.initial.clone()) if world is None else world
    played = []
    for event in events(made.kernel, world, made.engine):
        played.append(event)
        if world.scheme.round == count:
            break
    return played, world


def mean_of_blocks(made: Prepared, params: torch.Tensor, number: int) -> torch.Tensor:
    """(d,) the gradient of the mean loss over all examples of a round."""
    rows = [
        made.problem.gradient(params, made.batches.batch(BatchKey(block, number))) for block in range(len(made.blocks))
    ]
    return torch.stack(rows).mean(0)


def plain_sgd(made: Prepared, count: int) -> torch.Tensor:
    params = made.initial.clone()
    for number in range(count):
        params = params - LR * mean_of_blocks(made, params, number)
    return params
