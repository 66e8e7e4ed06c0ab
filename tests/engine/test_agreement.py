"""All engines compute the same thing: the loop is the oracle of the others."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from thinning import one_in

from byzsgd import experiment
from byzsgd.interfaces import BatchKey, LocalSteps, Message
from byzsgd.kernel.lookahead import events

CONF = Path(__file__).parents[2] / "conf"
SMALL = ("num_workers=7", "num_byzantine=1", "f=1", "batch_size=8", "dtype=float64")
SERVERS = sorted(path.stem for path in (CONF / "aggregator").glob("*.yaml"))
WORKERS = sorted(path.stem for path in (CONF / "worker").glob("*.yaml"))
# (dataset, model, the batched engines that must be able to treat it)
PAIRS = [
    (("dataset=digits",), ("fused", "vmap")),
    (("dataset=digits", "model=logistic_regression"), ("fused", "vmap")),
    (("dataset=digits", "model=mlp", "model.widths=[16,8]", "model.activation=tanh"), ("fused", "vmap")),
    (("dataset=digits", "model=mlp", "model.widths=[9]", "model.activation=elu"), ("fused", "vmap")),
    (("dataset=digits", "model=mlp", "model.widths=[9]", "model.activation=gelu"), ("fused", "vmap")),
    (("dataset=digits", "model=mlp", "model.widths=[200]"), ("fused", "vmap")),  # too large to be stacked
    (("dataset=breast_cancer",), ("vmap",)),
    (("dataset=breast_cancer", "model=logistic_regression"), ("fused", "vmap")),
    (("dataset=wine",), ("vmap",)),
    (("dataset=least_squares",), ("fused", "vmap")),
    (("dataset=quadratic",), ("vmap",)),
    (("dataset=ridge_logistic",), ("vmap",)),
    (("dataset=phase_retrieval",), ("vmap",)),
]
CASES = [(overrides, engine) for overrides, engines in PAIRS for engine in (*engines, "auto")]
IDS = [" ".join((*overrides, engine)) for overrides, engine in CASES]


def played(engine, updates, *overrides, arrivals=20_000, worker=None):
    """The events until so many updates, and the last state."""
    chosen = experiment(*SMALL, *overrides, f"engine={engine}")
    session = (chosen if worker is None else replace(chosen, worker=worker)).prepare()
    state = session.kernel.begin(session.initial.clone())
    seen = []
    for event in events(session.kernel, state, session.engine):
        seen.append(event)
        if state.updates >= updates or state.arrivals >= arrivals:
            break
    return seen, state, session


def schedule(seen):
    return [(e.arrival.time, e.arrival.worker, e.serial, e.read_at_true, e.decision.accepted) for e in seen]


def assert_same(one, other, tolerance=1e-9):
    assert schedule(one[0]) == schedule(other[0])
    assert one[1].updates == other[1].updates
    distance = float((one[1].models.live[0] - other[1].models.live[0]).abs().max())
    assert distance < tolerance * (1.0 + float(one[1].models.live[0].abs().max()))


@pytest.mark.parametrize(
    ("overrides", "engine"), one_in(2, CASES, several=True), ids=[" ".join((*some, name)) for some, name in CASES]
)
def test_every_pair_after_200_updates(overrides, engine):
    settings = ("aggregator=asgd", "optimizer.lr=.01", *overrides)
    loop, other = played("loop", 200, *settings), played(engine, 200, *settings)
    assert loop[1].updates == 200
    assert_same(loop, other)


@pytest.mark.parametrize("server", one_in(3, SERVERS))
def test_every_server(server):
    settings = (f"aggregator={server}", "attack=lie", "num_workers=12")
    assert_same(played("loop", 40, *settings, arrivals=150), played("fused", 40, *settings, arrivals=150))


@pytest.mark.parametrize("engine", ["fused", "vmap"])
@pytest.mark.parametrize("worker", WORKERS)
def test_every_worker_rule(worker, engine):
    server = "mifa" if worker == "delta" else "asgd"
    extra = ("aggregator.deltas=true",) if worker == "delta" else ()
    settings = (f"worker={worker}", f"aggregator={server}", "attack=label_flip", "optimizer.lr=.05", *extra)
    one, other = played("loop", 80, *settings), played(engine, 80, *settings)
    assert_same(one, other)


@pytest.mark.parametrize(
    "delay", one_in(2, ["constant", "normal", "exponential", "pareto", "staleness_geometric", "d1"])
)
def test_every_kind_of_time(delay):
    for server in ("asgd", "kardam", "trimmed_mean"):
        settings = (f"delay={delay}", f"aggregator={server}", "attack=ipm", "partition=dirichlet")
        assert_same(played("loop", 60, *settings, arrivals=250), played("fused", 60, *settings, arrivals=250))


class Counted:
    """An engine that notes the sizes of its calls."""

    def __init__(self, engine):
        self.engine, self.calls = engine, []
        self.group, self.ahead, self.name = engine.group, engine.ahead, engine.name

    def results(self, tasks):
        self.calls.append(len(tasks))
        return self.engine.results(tasks)


@pytest.mark.parametrize(
    ("delay", "server", "calls"),
    [("constant", "asgd", 28), ("exponential", "asgd", 70), ("d1", "asgd", 60), ("constant", "trimmed_mean", 28)],
)
def test_looking_ahead_saves_calls(delay, server, calls):
    session = experiment(*SMALL, f"delay={delay}", f"aggregator={server}", "engine=fused").prepare()
    engine = Counted(session.engine)
    state = session.kernel.begin(session.initial.clone())
    assert len(list(itertools.islice(events(session.kernel, state, engine), 180))) == 180
    assert len(engine.calls) <= calls
    assert 180 <= sum(engine.calls) <= 180 + 30  # nearly nothing is computed in vain


def test_liars_data_are_poisoned_in_every_engine():
    settings = ("attack=label_flip", "num_byzantine=3", "f=3", "aggregator=asgd")
    clean = played("loop", 50, *settings[1:])
    for engine in ("fused", "vmap"):
        assert_same(played("loop", 50, *settings), played(engine, 50, *settings))
    assert not torch.allclose(played("loop", 50, *settings)[1].models.live[0], clean[1].models.live[0])


@dataclass(frozen=True)
class Uneven:
    """One to three local steps, in turn."""

    sends: ClassVar[str] = "vectors"

    sampling: str = "replacement"

    def init(self, context):
        return None

    def plan(self, state, job):
        keys = tuple(BatchKey(job.worker, 3 * job.serial + k) for k in range(1 + (job.worker + job.serial) % 3))
        return LocalSteps(job.read_at, keys, 0.05 + 0.01 * job.worker)

    def keeps(self, state):
        return ()

    def message(self, state, job, results):
        return Message(results[0], 0), None


@pytest.mark.parametrize("engine", ["fused", "vmap"])
def test_local_steps_of_different_lengths_share_a_call(engine):
    runs = [played(name, 60, "aggregator=asgd", "attack=label_flip", worker=Uneven()) for name in ("loop", engine)]
    assert_same(*runs)


@pytest.mark.parametrize("engine", ["loop", "fused", "vmap"])
@pytest.mark.parametrize("delay", ["exponential", "d1"])
def test_a_state_saved_between_two_calls_goes_on_to_the_same_bits(engine, delay):
    overrides = ("dtype=float32", f"delay={delay}", "aggregator=kardam", "attack=lie")
    session = experiment(*SMALL, *overrides, f"engine={engine}").prepare()
    state = session.kernel.begin(session.initial.clone())
    for _ in itertools.islice(events(session.kernel, state, session.engine), 57):
        pass
    saved = copy.deepcopy(state)
    again = [list(itertools.islice(events(session.kernel, each, session.engine), 80)) for each in (state, saved)]
    assert schedule(again[0]) == schedule(again[1])
    assert torch.equal(state.models.live[0], saved.models.live[0])


@pytest.mark.parametrize("bytes_in_flight", [0, 8 * 2410 * 3, 8 * 2410 * 5])
def test_memory_for_looking_ahead_is_bounded_and_changes_nothing(bytes_in_flight):
    overrides = ("aggregator=asgd", "num_workers=30", f"engine.max_in_flight_bytes={bytes_in_flight}")
    session = experiment(*SMALL, *overrides, "engine=fused").prepare()
    assert session.engine.ahead == max(1, bytes_in_flight // (8 * 2410))
    state = session.kernel.begin(session.initial.clone())
    for event in itertools.islice(events(session.kernel, state, session.engine), 200):
        assert len(state.results) < session.engine.ahead
        assert event.message.vector.untyped_storage().nbytes() == 8 * 2410  # a remembered row keeps no group alive
        assert len(state.started) <= 30
    free = experiment(*SMALL, *overrides[:2], "engine=fused").prepare()
    other = free.kernel.begin(free.initial.clone())
    for _ in itertools.islice(events(free.kernel, other, free.engine), 200):
        pass
    assert float((state.models.live[0] - other.models.live[0]).abs().max()) < 1e-10


def test_many_workers_cost_no_bookkeeping_of_their_number():
    overrides = ("num_workers=500", "aggregator=asgd", "engine=loop", "engine.max_in_flight_bytes=0")
    session = experiment(*SMALL, *overrides).prepare()
    state = session.kernel.begin(session.initial.clone())
    for _ in itertools.islice(events(session.kernel, state, session.engine), 1200):
        pass
    assert len(state.started) <= 500
    assert sum(state.models.readers.values()) == 500
    assert len(state.models.earlier) <= 501
