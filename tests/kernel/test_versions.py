"""Versions of models: one for each delivery that writes a node, and none is written once it was read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import torch

from byzsgd import experiment
from byzsgd.interfaces import Arrival, Decision, Outcome, Reply
from byzsgd.kernel.lookahead import events
from byzsgd.kernel.versions import Models

SMALL = (
    *("dataset=quadratic", "dataset.d=6", "dataset.n=200", "dataset.test=20", "dataset.trusted=10", "dtype=float64"),
    *("num_workers=5", "num_byzantine=0", "f=0", "batch_size=8", "aggregator=asgd", "delay=constant", "engine=loop"),
)
DIRECTION = torch.tensor([4.0, -2.0], dtype=torch.float64)


def optimizer():
    return replace(experiment().optimizer, lr=0.5)


def models(nodes=2):
    made = Models.of(torch.tensor([1.0, 3.0], dtype=torch.float64), nodes, optimizer())
    for node in range(nodes):
        made.read([(node, 0)])  # somebody computes at version 0 all the time
    return made


def test_a_node_that_one_delivery_writes_twice_has_one_version_more():
    made = models()
    made.apply(0, DIRECTION, optimizer(), back=0)
    made.apply(0, DIRECTION, optimizer(), back=0)
    assert made.version == {0: 1, 1: 0}
    assert made.applied == {0: 2, 1: 0}
    assert made.live[0].tolist() == [-3.0, 5.0]
    assert {key: model.tolist() for key, model in made.earlier.items()} == {(0, 0): [1.0, 3.0]}
    made.written.clear()  # the next delivery
    made.apply(0, DIRECTION, optimizer(), back=0)
    assert made.version == {0: 2, 1: 0}
    assert set(made.earlier) == {(0, 0)}  # nobody reads version 1
    assert made.live[1].tolist() == [1.0, 3.0]


def test_a_step_and_a_copy_in_one_delivery_are_one_version():
    made = models()
    made.apply(1, DIRECTION, optimizer(), back=0)
    made.write(1, 0).copy_(torch.tensor([7.0, 8.0], dtype=torch.float64))
    assert made.version == {0: 0, 1: 1}
    assert made.at((1, 1)).tolist() == [7.0, 8.0]
    assert made.at((1, 0)).tolist() == [1.0, 3.0]


def test_a_version_that_somebody_reads_already_is_not_written():
    made = models()
    made.write(0, 0)
    made.read([(0, 1)])
    with pytest.raises(RuntimeError, match=r"needs to write node 0 before it starts a worker on it; got it after$"):
        made.write(0, 0)
    made.write(1, 0)  # another node may be
    made.written.clear()
    made.write(0, 0)  # and so may this one in the next delivery
    assert made.version == {0: 2, 1: 1}
    assert set(made.earlier) == {(0, 0), (0, 1), (1, 0)}


@dataclass(frozen=True, eq=False)
class Writes:
    """One node. At each delivery it does with it what the letters say: step, copy of zeros, start of the sender."""

    letters: str

    def nodes(self, num_workers):
        return 1

    def keeps(self, world):
        return 0

    def begin(self, kernel, world):
        for worker in sorted(world.workers):
            kernel.start(world, worker, 0)

    def delivered(self, kernel, world, delivery):
        job, vector, step = delivery.job, delivery.message.vector, world.models.version[0]
        for letter in self.letters:
            if letter == "s":
                kernel.apply(world, 0, vector)
            elif letter == "c":
                kernel.assign(world, 0, torch.zeros_like(vector))
            else:
                kernel.start(world, job.worker, 0)
        arrival = Arrival(delivery.time, job.worker, job.read_at, step, vector, delivery.read_params)
        return Outcome(arrival, Decision(True, "accepted", 1.0, vector, {}, Reply.DISPATCH), True)


def begun(letters):
    prepared = experiment(*SMALL).prepare()
    kernel = replace(prepared.kernel, scheme=Writes(letters))
    world = kernel.begin(prepared.initial.clone())
    return world, events(kernel, world, prepared.engine)


@pytest.mark.parametrize(("letters", "directions"), [("s!", 1), ("ss!", 2), ("sc!", 1), ("cs!", 1), ("ccc!", 0)])
def test_one_delivery_raises_the_version_by_one(letters, directions):
    world, played = begun(letters)
    for number in range(1, 21):
        event = next(played)
        assert world.models.version == {0: number}
        assert event.arrival.staleness == min(number - 1, 4)
        assert world.updates == world.models.applied[0] == number * directions
        assert sum(world.models.readers.values()) == 5
    assert bool(world.models.live[0].any()) == (letters[-2] == "s")


@pytest.mark.parametrize("letters", ["s!s", "s!c", "c!s", "cs!c"])
def test_a_scheme_that_writes_after_it_has_started_a_worker_there_is_stopped(letters):
    _, played = begun(letters)
    with pytest.raises(RuntimeError, match="needs to write node 0 before it starts a worker on it"):
        next(played)
