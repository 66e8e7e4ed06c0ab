"""What liars are shown, in a real simulation: no more than the attack asks for, and no more than the run allows."""

from dataclasses import replace

import pytest
import torch

from byzsgd import experiment
from byzsgd.attacks import forging
from byzsgd.kernel.simulation import events


def watched(sees, knowledge, count=120):
    """[(event, rows shown before it or None)] of a run whose liars send their own vectors and watch."""
    shown = []

    @forging(sees=sees)
    def spy(view):
        shown.append(view.honest.clone())
        return view.own

    settings = ("num_workers=6", "num_byzantine=2", "f=1", "batch_size=4", "aggregator=asgd", f"knowledge={knowledge}")
    session = replace(experiment(*settings), attack=spy).prepare()
    state = session.simulation.init(session.initial.clone(), session.trusted_gradient)
    seen = []
    for event in events(session.simulation, state, session.engine):
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
