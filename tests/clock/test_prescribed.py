"""The prescribed clock, against tapes computed by hand."""

from dataclasses import astuple, dataclass
from typing import ClassVar

import numpy as np
import pytest

from byzsgd.delays import staleness_normal
from byzsgd.kernel.clocks import PrescribedState, build_clock
from byzsgd.kernel.randomness import Streams


@dataclass(frozen=True)
class Growing:
    """τ = serial + worker."""

    max: int
    prescribed: ClassVar[bool] = True

    def check(self, num_workers):
        pass

    def staleness(self, draws, workers, serials):
        return np.add.outer(np.array(workers), np.array(serials))


D1 = staleness_normal(mean=6.0, std=2.0, max=12)


def play(clock, state, turns, step=0):
    """Every delivery is an update and is answered with DISPATCH."""
    tape = []
    for _ in range(turns):
        turn = clock.peek(state, step)
        clock.pop(state)
        tape.append((turn.time, turn.worker, turn.job.serial, turn.job.read_at))
        step += 1
        assert clock.dispatch(state, turn.worker, step, turn.time, 0.0) is None
    return tape


def restart(clock, state, step):
    """Everybody is cancelled, then everybody is dispatched."""
    for worker in range(clock.num_workers):
        clock.cancel(state, worker, step, False)
    for worker in range(clock.num_workers):
        clock.dispatch(state, worker, step, float(step), 0.0)


def test_identities_are_cyclic_and_staleness_reaches_back_to_the_start_at_most():
    clock = build_clock(Growing(100), Streams(0), 3)
    state = clock.init(3)
    for worker in range(3):
        assert clock.dispatch(state, worker, 0, 0.0, clock.seconds(state, worker)) is None
    assert [astuple(clock.peek(state, 4)) for _ in range(2)] == [(1.0, 0, (0, 0, 4, 1.0, 1.0))] * 2
    assert play(clock, state, 7) == [
        (1.0, 0, 0, 0),
        (2.0, 1, 0, 0),
        (3.0, 2, 0, 0),
        (4.0, 0, 1, 2),
        (5.0, 1, 1, 2),
        (6.0, 2, 1, 2),
        (7.0, 0, 2, 4),
    ]


def test_held_workers_are_skipped_until_they_are_dispatched():
    clock = build_clock(Growing(100), Streams(0), 3)
    state = clock.init(3)
    assert clock.cancel(state, 1, 0, False)
    assert not clock.cancel(state, 1, 0, False)  # it waits already
    assert [turn[1] for turn in play(clock, state, 3)] == [0, 2, 0]
    clock.dispatch(state, 1, 0, 3.0, 0.0)
    assert [turn[1:3] for turn in play(clock, state, 3)] == [(1, 0), (2, 1), (0, 2)]
    for worker in (1, 2, 0):  # who was told waits until it is dispatched
        assert clock.peek(state, 9).worker == worker
        clock.pop(state)
    assert clock.peek(state, 9) is None
    assert clock.upcoming(state, 4) == ()


def test_after_a_restart_nothing_older_is_read():
    clock = build_clock(Growing(100), Streams(0), 3)
    state = clock.init(3)
    play(clock, state, 9)
    assert clock.oldest(state, 50) == 0
    restart(clock, state, 8)
    assert [turn[3] for turn in play(clock, state, 4, step=9)] == [8, 8, 8, 8]
    assert clock.oldest(state, 50) == 8


def test_as_long_as_somebody_is_not_cancelled_old_versions_are_read():
    clock = build_clock(Growing(100), Streams(0), 3)
    state = clock.init(3)
    play(clock, state, 9)
    for worker in range(2):
        clock.cancel(state, worker, 8, False)
    for worker in range(2):
        clock.dispatch(state, worker, 8, 9.0, 0.0)
    assert clock.oldest(state, 50) == 0
    assert [turn[3] for turn in play(clock, state, 3, step=9)] == [6, 6, 6]


def test_a_round_for_which_everybody_waits_is_no_restart():
    clock = build_clock(Growing(100), Streams(0), 3)
    state = clock.init(3)
    play(clock, state, 9)
    for _ in range(3):
        clock.pop(state)
    assert clock.peek(state, 10) is None
    for worker in range(3):
        clock.dispatch(state, worker, 10, 12.0, 0.0)
    assert clock.oldest(state, 50) == 0
    assert [turn[3] for turn in play(clock, state, 3, step=10)] == [6, 6, 6]


def test_oldest_bounds_every_read():
    clock = build_clock(D1, Streams(5), 4)
    state = clock.init(4)
    for step in range(500):
        turn = clock.peek(state, step)
        assert clock.oldest(state, step) <= turn.job.read_at
        clock.pop(state)
        clock.dispatch(state, turn.worker, step, turn.time, 0.0)
    assert clock.oldest(state, 500) == 500 - 12


def test_upcoming_tells_what_comes():
    clock = build_clock(D1, Streams(5), 4)
    state = clock.init(4)
    clock.cancel(state, 2, 0, False)
    told = clock.upcoming(state, 11)
    seen = []
    for _ in range(11):
        job = clock.peek(state, 100).job
        clock.pop(state)
        clock.dispatch(state, job.worker, 100, job.finish, 0.0)
        seen.append((job.worker, job.serial, 100 - job.read_at))
    assert list(told) == seen
    assert len({staleness for _, _, staleness in seen}) > 2


def test_a_restored_state_goes_on_alike():
    clock = build_clock(D1, Streams(5), 4)
    state = clock.init(4)
    play(clock, state, 10)
    restart(clock, state, 7)
    clock.cancel(state, 1, 10, False)
    saved = state.snapshot()
    expected = play(clock, state, 50, step=10)
    assert play(build_clock(D1, Streams(5), 4), PrescribedState.restore(saved), 50, step=10) == expected


@pytest.mark.parametrize("part", ["byzantine", "availability", "heterogeneity", "communication"])
def test_what_has_no_meaning_is_refused(part):
    with pytest.raises(TypeError, match=part):
        staleness_normal(mean=6.0, std=2.0, max=12, **{part: None})
