"""The laws of the simulation, as stories and as invariants."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from byzsgd import experiment
from byzsgd.interfaces import Attack, BatchKey, Decision, Reply
from byzsgd.kernel import norms
from byzsgd.kernel.adversary import Sight
from byzsgd.kernel.lookahead import events

SMALL = ("num_workers=5", "num_byzantine=1", "f=1", "batch_size=8")


def play(count, *overrides, **replaced):
    """The first `count` events of an experiment with some parts replaced; what was prepared; the last world."""
    prepared = replace(experiment(*overrides), **replaced).prepare()
    world = prepared.kernel.begin(prepared.initial.clone())
    return list(itertools.islice(events(prepared.kernel, world, prepared.engine), count)), prepared, world


def schedule(played):
    return [(event.arrival.time, event.arrival.worker, event.serial) for event in played]


def test_arrivals_are_paired_across_servers_and_attacks():
    settings = itertools.product(("asgd", "dynsgd", "kardam"), ("none", "reversed", "lie"))
    seen = [schedule(play(150, *SMALL, f"aggregator={server}", f"attack={attack}")[0]) for server, attack in settings]
    assert all(one == seen[0] for one in seen)
    assert seen[0] != schedule(play(150, *SMALL, "seed=1")[0])


class Reads(TorchDispatchMode):
    """Counts the numbers that Python reads out of tensors one by one: on a GPU each waits for all work before it."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("delay", "attack", "forged"), [("exponential", "none", 0), ("d1", "none", 0), ("normal", "lie", 1)]
)
def test_where_reading_waits_a_delivery_reads_nothing_of_its_own(monkeypatch, delay, attack, forged):
    settings = (*SMALL, "aggregator=asgd", "engine=fused", f"delay={delay}", f"attack={attack}")
    with Reads() as plain:
        expected = play(150, *settings)[0]
    monkeypatch.setattr(norms, "reading_waits", lambda device: True)
    with Reads() as together:
        played = play(150, *settings)[0]
    assert [event.norm for event in played] == [event.norm for event in expected]
    assert plain.count - together.count == sum(not (event.byzantine and forged) for event in played)
    with Reads() as beginning:
        play(1, *settings)
    assert together.count == beginning.count + sum(event.byzantine and forged for event in played[1:])


def test_same_seed_same_bits():
    runs = [play(200, *SMALL, "attack=gaussian") for _ in range(2)]
    assert torch.equal(runs[0][2].models.live[0], runs[1][2].models.live[0])
    assert [e.norm for e in runs[0][0]] == [e.norm for e in runs[1][0]]


@pytest.mark.parametrize("server", ["asgd", "kardam"])
@pytest.mark.parametrize("delay", ["constant", "exponential", "normal"])
def test_staleness_is_conserved(server, delay):
    """Always-busy workers: Σ staleness of delivered + Σ age of in-flight = (n − 1)·updates, exactly."""
    played, _, world = play(300, *SMALL, f"aggregator={server}", f"delay={delay}")
    delivered = sum(event.arrival.staleness for event in played)
    # An update by a worker's own delivery ages everybody but itself; with a buffer, those that only wait age nobody.
    ages = sum(world.updates - pending.job.read_at for pending in world.pending.values())
    assert delivered + ages == 4 * world.updates
    assert world.updates > 20


def test_time_never_decreases_and_everybody_has_one_job():
    played, _, world = play(300, *SMALL)
    times = [event.arrival.time for event in played]
    assert times == sorted(times)
    assert sorted(world.pending) == [0, 1, 2, 3, 4]
    serials = {worker: [e.serial for e in played if e.arrival.worker == worker] for worker in range(5)}
    assert all(numbers == list(range(len(numbers))) for numbers in serials.values())


def test_one_worker_is_plain_sgd_exactly():
    overrides = ("num_workers=1", "num_byzantine=0", "delay=constant", "aggregator=asgd", "batch_size=8", "engine=loop")
    played, session, world = play(40, *overrides)
    assert all(event.arrival.staleness == 0 for event in played)
    params = session.initial.clone()
    for serial in range(40):
        params.sub_(session.problem.gradient(params, session.batches.batch(BatchKey(0, serial))), alpha=0.1)
    assert torch.equal(params, world.models.live[0])


def test_rounds_of_the_mean_are_synchronous_sgd():
    overrides = (*SMALL, "num_byzantine=0", "delay=constant", "aggregator=mean", "engine=loop")
    played, session, world = play(5 * 12, *overrides)
    params = session.initial.clone()
    for serial in range(12):
        rows = [session.problem.gradient(params, session.batches.batch(BatchKey(w, serial))) for w in range(5)]
        params.sub_(torch.stack(rows).mean(0), alpha=0.1)
    assert world.updates == 12
    assert torch.equal(params, world.models.live[0])
    assert all(event.arrival.staleness == 0 for event in played)
    assert [event.decision.reply for event in played[:5]] == [Reply.HOLD] * 4 + [Reply.DISPATCH]


def test_versions_nobody_reads_are_dropped():
    _, _, world = play(200, *SMALL, "aggregator=asgd")
    assert set(world.models.earlier) <= {pending.keys[0] for pending in world.pending.values()} | {(0, world.updates)}
    assert sum(world.models.readers.values()) == 5


def test_prescribed_staleness_is_cyclic_and_never_reaches_before_the_start():
    played, _, world = play(200, *SMALL, "delay=d1", "aggregator=asgd")
    assert [event.arrival.worker for event in played] == [number % 5 for number in range(200)]
    assert [event.arrival.time for event in played[:3]] == [1.0, 2.0, 3.0]
    assert all(event.arrival.read_at >= 0 for event in played)
    late = [event.arrival.staleness for event in played[50:]]
    assert 5 < sum(late) / len(late) < 7
    assert len(world.models.earlier) <= 13


@dataclass(frozen=True)
class Restarter:
    """Accepts everything and restarts everybody at every third arrival."""

    scores: tuple[str, ...] = ()
    expects: str = "vectors"
    needs_read_params: bool = False

    def check(self, num_workers):
        pass

    def init(self, context):
        return {"count": 0}

    def receive(self, state, arrival):
        state["count"] += 1
        reply = Reply.RESTART if state["count"] % 3 == 0 else Reply.DISPATCH
        return Decision(True, "accepted", 1.0, arrival.vector.clone(), {}, reply)


def test_restart_drops_what_is_in_flight():
    played, _, world = play(30, *SMALL, "delay=constant", aggregator=Restarter())
    # All jobs last one second: three deliveries, restart, and the other two have to begin again.
    assert [event.arrival.worker for event in played[:7]] == [0, 1, 2, 0, 1, 2, 0]
    assert [event.arrival.staleness for event in played[:6]] == [0, 1, 2, 0, 1, 2]
    assert played[3].arrival.time == pytest.approx(2.0)
    assert sorted(world.pending) == [0, 1, 2, 3, 4]
    assert sum(world.models.readers.values()) == 5


def test_restart_is_the_floor_of_prescribed_staleness():
    played, _, _ = play(30, *SMALL, "delay=d1", aggregator=Restarter())
    assert all(event.arrival.read_at >= 3 * (number // 3) for number, event in enumerate(played))


class Silent(Attack):
    """Never sends."""

    timed = True

    def duration(self, view, honest_seconds):
        assert view.own.numel() == 0
        return math.inf


def test_a_silent_liar_stalls_rounds_and_nothing_else():
    played, _, world = play(100, *SMALL, "aggregator=mean", attack=Silent())
    assert len(played) == 4
    assert len(world.scheme.held) == 4
    played, _, _ = play(100, *SMALL, "aggregator=asgd", attack=Silent())
    assert len(played) == 100
    assert not any(event.byzantine for event in played)


class Patient(Attack):
    """Holds its message back until step 10, 20, …"""

    timed = True
    sees = "delivered"

    def release(self, view):
        return view.step > 0 and view.step % 10 == 0


def test_a_liar_can_hold_its_message_back():
    played, _, world = play(100, *SMALL, "aggregator=asgd", attack=Patient())
    lies = [event for event in played if event.byzantine]
    assert len(lies) > 3
    assert all(event.arrival.step % 10 == 0 for event in lies)
    honest = schedule([event for event in played if not event.byzantine])
    other = schedule([e for e in play(120, *SMALL, "aggregator=asgd")[0] if not e.byzantine])
    assert honest == other[: len(honest)]


class Onlooker(Attack):
    """Remembers what it was shown."""

    sees = "delivered"

    def __init__(self):
        self.views = []

    def forge(self, view):
        self.views.append(view)
        return view.own


@pytest.mark.parametrize("knowledge", ["own", "delivered", "in_flight"])
def test_an_adversary_sees_what_its_knowledge_grants(knowledge):
    attack = Onlooker()
    # An experiment refuses an attack that needs more than `knowledge`; the kernel shows it nothing more all the same.
    _, prepared, _ = play(0, *SMALL, "aggregator=asgd", attack=attack)
    kernel = replace(prepared.kernel, adversary=replace(prepared.kernel.adversary, knowledge=knowledge))
    world = kernel.begin(prepared.initial.clone())
    played = list(itertools.islice(events(kernel, world, prepared.engine), 60))
    before = {}
    views = iter(attack.views)
    for event in played:
        if not event.byzantine:
            before[event.arrival.worker] = event.message.vector
            continue
        view = next(views)
        if knowledge == "own":
            assert view.honest.shape == (0, prepared.problem.num_parameters)
        elif knowledge == "delivered":
            assert torch.equal(view.honest, torch.stack([before[w] for w in sorted(before)])) or not before
        else:
            assert view.honest.shape[0] == 4


def test_in_flight_in_synchronous_rounds_is_the_omniscient_adversary():
    attack = Onlooker()
    overrides = (*SMALL, "delay=constant", "aggregator=mean", "knowledge=in_flight", "byzantine_ids=[0]")
    played, _, _ = play(5 * 6, *overrides, attack=attack)
    for number, view in enumerate(attack.views):
        honest = [event.message.vector for event in played[5 * number + 1 : 5 * number + 5]]
        assert torch.equal(view.honest, torch.stack(honest))


def test_evaluating_and_recording_change_nothing():
    runs = [experiment(*SMALL, f"eval_every={every}", "budget.arrivals=120").run() for every in (1, 120)]
    assert runs[0].arrivals.equals(runs[1].arrivals)
    assert len(runs[0].metrics) == 121
    assert len(runs[1].metrics) == 2


@pytest.mark.parametrize("delay", ["exponential", "d1"])
def test_a_server_that_believes_workers_keeps_the_versions_they_may_claim(delay):
    overrides = (*SMALL, f"delay={delay}", "aggregator=dynsgd", "attack=staleness_lie", "attack.staleness=20")
    played, _, world = play(150, *overrides, "stamps=false")
    lies = [event for event in played if event.byzantine and event.arrival.step >= 20]
    assert lies
    assert all(event.arrival.staleness == 20 and event.read_at_true > event.arrival.read_at for event in lies)
    assert len(world.models.earlier) <= 27
    stamped, _, _ = play(150, *overrides)
    assert all(event.arrival.read_at == event.read_at_true for event in stamped)


@pytest.mark.parametrize("worker", ["gradient", "momentum", "local_steps"])
@pytest.mark.parametrize("knowledge", ["delivered", "in_flight"])
@pytest.mark.parametrize(("server", "delay"), [("trimmed_mean", "constant"), ("asgd", "exponential")])
def test_what_liars_see_is_never_older_than_what_is_there(monkeypatch, worker, knowledge, server, delay):
    """Put together once or every time: the same rows."""
    seen = []
    bare = Sight.together

    def checked(self, rows, empty):
        together = bare(self, rows, empty)
        assert together.shape == (len(rows), empty.numel())
        assert all(torch.equal(row, each) for row, each in zip(together, rows, strict=True))
        seen.append(id(together))
        return together

    monkeypatch.setattr(Sight, "together", checked)
    settings = (*SMALL, "num_workers=9", "num_byzantine=3", "f=1", f"worker={worker}", f"knowledge={knowledge}")
    _, session, world = play(120, *settings, f"aggregator={server}", f"delay={delay}", "attack=ipm")
    adversary = replace(session.kernel.adversary, sight=Forgetful())
    kernel = replace(session.kernel, adversary=adversary)
    again = kernel.begin(session.initial.clone())
    fresh = list(itertools.islice(events(kernel, again, session.engine), 120))
    assert len(fresh) == 120
    assert torch.equal(world.models.live[0], again.models.live[0])
    assert len(seen) >= 30


class Forgetful(Sight):
    """Puts everything together anew."""

    def together(self, rows, empty):
        self.messages.clear()
        return torch.stack(rows) if rows else empty.new_empty((0, empty.numel()))
