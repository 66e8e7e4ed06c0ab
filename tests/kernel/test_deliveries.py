"""What is delivered is what its job was to compute, and every worker is in one place, whoever is cancelled or away."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from byzsgd import experiment
from byzsgd.interfaces import Attack, BatchKey, Decision, Reply
from byzsgd.kernel.lookahead import events

SMALL = ("num_workers=7", "num_byzantine=3", "byzantine_ids=[0,2,5]", "f=1", "batch_size=4", "dtype=float64",
         "engine=fused", "attack=none")  # fmt: skip
AWAY = ("delay/availability=periodic", "delay.availability.period=5.0")
CLOCKS = {"busy": ("delay=exponential",), "ties": ("delay=constant",), "away": AWAY, "prescribed": ("delay=d1",)}


@dataclass
class Count:
    """How many vectors have come."""

    arrivals: int = 0


@dataclass(frozen=True)
class Scripted:
    """Steps along every `steps`-th vector, holds every `holds`-th sender, drops the jobs of the next two workers at
    every `cancels`-th arrival, and those of all at every `restarts`-th; 0: never."""

    steps: int = 1
    holds: int = 0
    cancels: int = 0
    restarts: int = 0
    scores: tuple[str, ...] = ()
    expects: str = "vectors"
    needs_read_params: bool = False

    def check(self, num_workers):
        pass

    def init(self, context):
        return Count()

    def receive(self, state, arrival):
        state.arrivals += 1

        def due(every):
            return bool(every) and state.arrivals % every == 0

        reply = Reply.RESTART if due(self.restarts) else Reply.HOLD if due(self.holds) else Reply.DISPATCH
        named = tuple((arrival.worker + beyond) % 7 for beyond in (1, 2)) if due(self.cancels) else ()
        direction = arrival.vector.clone() if due(self.steps) else None
        return Decision(True, "accepted", 1.0, direction, {}, reply, named)


SERVERS = {
    "cancels": Scripted(cancels=3),
    "holds and cancels": Scripted(steps=4, holds=2, cancels=5),
    "restarts": Scripted(restarts=3),
    "restarts with the held": Scripted(steps=11, holds=2, restarts=7),
    "restarts with the released": Scripted(steps=4, holds=3, restarts=8),
}


@functools.cache
def composed(*overrides):
    return experiment(*SMALL, *overrides)


def is_literal(prepared, count):
    """Plays, and recomputes every vector from the version that its job had read and the batch of its serial."""
    world = prepared.kernel.begin(prepared.initial.clone())
    versions, last, played = [world.models.live[0].clone()], 0.0, 0
    for event in itertools.islice(events(prepared.kernel, world, prepared.engine), count):
        batch = prepared.batches.batch(BatchKey(event.arrival.worker, event.serial))
        expected = prepared.problem.gradient(versions[event.read_at_true], batch)
        torch.testing.assert_close(event.message.vector, expected, rtol=1e-9, atol=1e-12)
        assert event.arrival.time >= last
        last, played = event.arrival.time, played + 1
        if event.updated and not getattr(prepared.kernel.scheme.aggregator, "calls", False):
            assert set(world.scheme.held) <= {event.arrival.worker}  # whoever waited has the new model
        if event.updated:
            versions.append(world.models.live[0].clone())
        assert world.models.version[0] == len(versions) - 1
        is_consistent(prepared, world)
    return played


def is_consistent(prepared, world):
    """Everybody computes, waits for an update or is away; jobs in flight alone read versions."""
    held = getattr(world.scheme, "held", {})
    places = [*world.pending, *held, *world.waiting]
    assert sorted(places) == list(range(prepared.kernel.num_workers))
    assert set(world.results) <= set(world.pending)
    assert set(world.adversary.withheld) <= set(world.results)
    assert sum(world.models.readers.values()) == sum(len(job.keys) for job in world.pending.values())


@pytest.mark.parametrize("clock", CLOCKS.values(), ids=CLOCKS)
@pytest.mark.parametrize("server", SERVERS.values(), ids=SERVERS)
def test_what_is_delivered_is_what_its_job_was_to_compute(server, clock):
    assert is_literal(replace(composed(*clock), aggregator=server).prepare(), 60) == 60


MEMBERS = sorted(path.stem for path in (Path(__file__).parents[2] / "conf" / "aggregator").glob("*.yaml"))


@pytest.mark.slow
@pytest.mark.parametrize("delay", ["exponential", "constant", "pareto", "two_speed", "markov", "d1", "d2"])
@pytest.mark.parametrize("name", [name for name in MEMBERS if name != "sign_vote"])  # which asks for signs
def test_every_server_gets_what_its_jobs_were_to_compute_under_every_clock(name, delay):
    assert is_literal(composed(f"aggregator={name}", f"delay={delay}").prepare(), 60) > 20


class Patient(Attack):
    """Holds its messages back for three seconds, then for three more, and so on."""

    timed = True

    def __init__(self, until=3.0):
        self.until = until

    def release(self, view):
        return view.time >= self.until


def test_messages_held_back_leave_in_the_order_of_their_senders():
    prepared = replace(composed("delay=constant", "aggregator=asgd"), attack=Patient()).prepare()
    world = prepared.kernel.begin(prepared.initial.clone())
    played = list(itertools.islice(events(prepared.kernel, world, prepared.engine), 30))
    first = next(number for number, event in enumerate(played) if event.byzantine)
    assert [event.arrival.worker for event in played[first : first + 3]] == [0, 2, 5]
    assert all(event.arrival.worker not in (0, 2, 5) for event in played[:first])
    assert {event.arrival.time for event in played[first : first + 3]} == {3.0}


@pytest.mark.parametrize("clock", [CLOCKS["busy"], CLOCKS["ties"]], ids=["busy", "ties"])
def test_a_message_held_back_is_lost_with_its_job(clock):
    waits = replace(composed(*clock), aggregator=Scripted(restarts=9), attack=Patient(2.0)).prepare()
    assert is_literal(waits, 60) == 60


class Drawing(Attack):
    """Remembers the first number that it draws for each message."""

    def __init__(self):
        self.drawn = []

    def forge(self, view):
        self.drawn.append((view.worker, view.rng.random()))
        return view.own


def test_every_message_of_every_liar_has_draws_of_its_own():
    attack = Drawing()
    assert is_literal(replace(composed("aggregator=asgd"), attack=attack).prepare(), 60) == 60
    assert {worker for worker, _ in attack.drawn} == {0, 2, 5}
    assert len({number for _, number in attack.drawn}) == len(attack.drawn) > 10
