"""What liars are shown, in a real simulation: no more than the attack asks for, and no more than the run allows."""

import functools
from dataclasses import replace

import pytest
import torch
from attack_world import MEMBERS, member

from byzsgd import experiment
from byzsgd.attacks import forging
from byzsgd.interfaces import Attack
from byzsgd.kernel.lookahead import LookAhead, events


def watched(sees, knowledge, count=120):
    """[(event, rows shown before it or None)] of a run whose liars send their own vectors and watch."""
    shown = []

    @forging(sees=sees)
    def spy(view):
        shown.append(view.honest.clone())
        return view.own

    settings = ("num_workers=6", "num_byzantine=2", "f=1", "batch_size=4", "aggregator=asgd", f"knowledge={knowledge}")
    session = replace(experiment(*settings), attack=spy).prepare()
    state = session.kernel.begin(session.initial.clone())
    seen = []
    for event in events(session.kernel, state, session.engine):
        seen.append((event, shown.pop() if event.byzantine else None))
        if len(seen) == count:
            return seen
    raise AssertionError("the run ended early")


@pytest.mark.parametrize("knowledge", ["own", "delivered", "in_flight"])
def test_an_attack_that_asks_for_nothing_is_shown_nothing(knowledge):
    assert all(rows.shape[0] == 0 for event, rows in watched("own", knowledge) if event.byzantine)


def test_delivered_rows_are_the_last_delivered_vectors_of_the_honest():
    last, checked = {}, 0
    for event, rows in watched("delivered", "delivered"):
        if event.byzantine:
            expected = [last[worker] for worker in sorted(last)]
            assert rows.shape[0] == len(expected)
            assert all(torch.equal(row, vector) for row, vector in zip(rows, expected, strict=True))
            checked += 1
        else:
            last[event.arrival.worker] = event.message.vector
    assert checked > 20


def test_rows_in_flight_are_what_the_honest_deliver_next():
    seen = watched("in_flight", "in_flight")
    honest = sorted({event.arrival.worker for event, _ in seen if not event.byzantine})
    checked = 0
    for place, (_, rows) in enumerate(seen[:80]):
        if rows is None:
            continue
        assert rows.shape[0] == len(honest)
        coming = {}
        for event, _ in reversed(seen[place:]):
            coming[event.arrival.worker] = event.message.vector
        for worker, row in zip(honest, rows, strict=True):
            if worker in coming:
                torch.testing.assert_close(row, coming[worker])
                checked += 1
    assert checked > 60


def test_a_run_that_allows_too_little_is_refused():
    with pytest.raises(ValueError, match="attack lie needs knowledge=delivered or more; got knowledge=own"):
        experiment("attack=lie", "knowledge=own")


def grouped(engine, group):
    """The same engine with another number of jobs computed in one call, ahead of their turn."""
    return replace(engine, group=group, ahead=8 * group)


@functools.cache
def prepared(name, knowledge):
    settings = ("num_workers=9", "num_byzantine=2", "batch_size=4", "engine=loop", f"knowledge={knowledge}")
    return experiment(*settings, f"attack={name}").prepare()


def sent(name, knowledge, *, poison, count=40):
    """Vectors as they arrive. With `poison` all that waits in the simulation and is out of the liars' sight is NaN."""
    session = prepared(name, knowledge)
    kernel, engine = session.kernel, grouped(session.engine, 8)
    state = kernel.begin(session.initial.clone())
    ahead = LookAhead(kernel, state, engine)
    liars = kernel.adversary.liars
    vectors, hidden = [], 0
    while len(vectors) < count:
        tasks = ahead.tasks()
        if tasks is None:
            break
        results = dict(zip([task.job.worker for task in tasks], engine.results(tasks), strict=True)) if tasks else {}
        due = state.adversary.due
        turn = state.pending[due].job if due is not None else state.turn
        assert turn is not None
        covered = {}
        if poison and turn.worker in liars:
            for store in (state.results, results):
                for worker in set(store) - liars:
                    covered[worker] = results.get(worker, state.results.get(worker))
                    store[worker] = torch.full_like(covered[worker], torch.nan)
        event = ahead.deliver([(task, results[task.job.worker]) for task in tasks])
        hidden += len(covered)
        state.results.update({worker: clean for worker, clean in covered.items() if worker in state.results})
        if event is not None:
            vectors.append(event.arrival.vector)
    assert hidden > 20 or not poison
    return vectors


@pytest.mark.parametrize("name", MEMBERS)
def test_what_is_in_flight_is_out_of_sight_where_only_deliveries_are_known(name):
    if member(name).sees != "delivered" or member(name).timed:
        pytest.skip("it sees something else")
    usual, poisoned = sent(name, "delivered", poison=False), sent(name, "delivered", poison=True)
    assert all(torch.equal(a, b) for a, b in zip(usual, poisoned, strict=True))


def test_what_is_in_flight_is_in_sight_where_the_run_says_so():
    """Else the test above could not fail."""
    poisoned = sent("lie", "in_flight", poison=True)
    assert any(vector.isnan().any() for vector in poisoned)


@pytest.mark.parametrize("knowledge", ["delivered", "in_flight"])
def test_asked_about_timing_liars_know_what_was_delivered_whatever_the_engine_computed_ahead(knowledge):
    class Patient(Attack):
        """Holds every message back a while, and notes what it is shown meanwhile."""

        sees, timed = "delivered", True

        def __init__(self):
            self.shown = []

        def duration(self, view, honest_seconds):
            self.shown.append(view.honest.clone())
            return honest_seconds

        def release(self, view):
            self.shown.append(view.honest.clone())
            return view.step > view.read_at + 12

        def forge(self, view):
            return view.own

    shown = []
    for group in (1, 8):
        settings = ("num_workers=6", "num_byzantine=2", "f=1", "batch_size=4", "aggregator=asgd", "engine=loop")
        attack = Patient()
        session = replace(experiment(*settings, f"knowledge={knowledge}"), attack=attack).prepare()
        state = session.kernel.begin(session.initial.clone())
        last = {}
        for event in events(session.kernel, state, grouped(session.engine, group)):
            if not event.byzantine:
                last[event.arrival.worker] = event.message.vector
            if state.arrivals == 80:
                break
        for row, worker in zip(attack.shown[-1], sorted(last), strict=True):
            assert torch.equal(row, last[worker])
        shown.append(attack.shown)
    assert len(shown[0]) == len(shown[1]) > 100
    assert all(torch.equal(one, many) for one, many in zip(*shown, strict=True))
