"""What a look-ahead remembers is all in the world."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from byzsgd import experiment
from byzsgd.kernel.lookahead import LookAhead

SMALL = (
    *("dataset=quadratic", "dataset.d=6", "dataset.n=200", "dataset.test=20", "dataset.trusted=10"),
    *("num_workers=7", "num_byzantine=2", "f=2", "batch_size=8", "engine=vmap"),
)
FEW = SimpleNamespace(group=3, ahead=4)  # fewer than there are workers: some jobs wait for a later call


def play(turns, anew, *overrides):
    """The jobs of every engine call, what was delivered, and the last world; the look-ahead is made anew at each turn
    whose number `anew` divides."""
    prepared = experiment(*SMALL, *overrides).prepare()
    world = prepared.kernel.begin(prepared.initial.clone())
    groups, delivered = [], []
    for turn in range(turns):
        if turn % anew == 0:
            ahead = LookAhead(prepared.kernel, world, FEW)
        tasks = ahead.tasks()
        if tasks is None:
            break
        groups.append([(task.job.worker, task.job.serial, task.job.read_at) for task in tasks])
        event = ahead.deliver(list(zip(tasks, prepared.engine.results(tasks), strict=True)) if tasks else ())
        if event is not None:
            delivered.append((event.arrival.time, event.arrival.worker, event.serial, event.norm))
    return groups, delivered, world


@pytest.mark.parametrize("anew", [1, 7])
@pytest.mark.parametrize(
    "overrides",
    [
        "aggregator=asgd",
        "aggregator=asgd worker=storm attack=reversed",
        "aggregator=trimmed_mean attack=lie delay=lognormal",
        "aggregator=asgd attack=lie knowledge=in_flight",
        "aggregator=ringmaster_stop delay=pareto",
        "aggregator=asgd delay=d1",
        "aggregator=kardam delay=d1 worker=momentum",
    ],
)
def test_a_look_ahead_made_anew_goes_on_with_the_same_groups_to_the_same_bits(overrides, anew):
    groups, delivered, world = play(150, 1000, *overrides.split())
    assert max(map(len, groups)) > 1
    assert [] in groups  # results that waited
    again, delivered_again, other = play(150, anew, *overrides.split())
    assert again == groups
    assert delivered_again == delivered
    assert torch.equal(other.models.live[0], world.models.live[0])
