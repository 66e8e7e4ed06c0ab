"""The prescribed clock, against tapes computed by hand."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from byzsgd.delays import staleness_normal
from byzsgd.interfaces import Job, Turn
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
    tape = []
    for _ in range(turns):
        turn = clock.peek(state, step)
        clock.pop(state)
        tape.append((turn.time, turn.worker, turn.job.serial, turn.job.read_at))
        step += 1
    return tape


def test_identities_are_cyclic_and_staleness_reaches_back_to_the_start_at_most():
    clock = build_clock(Growing(100), Streams(0), 3)
    state = clock.init(3)
    for worker in range(3):
        assert clock.dispatch(state, worker, 0, 0.0, clock.seconds(state, worker)) is None
    assert clock.peek(state, 4) == clock.peek(state, 4) == Turn(1.0, 0, Job(0, 0, 4, 1.0, 1.0))
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
    clock.hold(state, 1)
    assert [turn[1] for turn in play(clock, state, 3)] == [0, 2, 0]
    clock.dispatch(state, 1, 0, 3.0, 0.0)
    assert [turn[1:3] for turn in play(clock, state, 3)] == [(1, 0), (2, 1), (0, 2)]
    for worker in range(3):
        clock.hold(state, worker)
    assert clock.peek(state, 9) is None
    assert clock.upcoming(state, 4) == ()


def test_after_a_restart_nothing_older_is_read():
    clock = build_clock(Growing(100), Streams(0), 3)
    state = clock.init(3)
    play(clock, state, 9)
    assert clock.oldest(state, 50) == 0
    clock.restart(state, 8)
    assert [turn[3] for turn in play(clock, state, 4, step=9)] == [8, 8, 8, 8]
    assert clock.oldest(state, 50) == 8


def test_oldest_bounds_every_read():
    clock = build_clock(D1, Streams(5), 4)
    state = clock.init(4)
    for step in range(500):
        assert clock.oldest(state, step) <= clock.peek(state, step).job.read_at
        clock.pop(state)
    assert clock.oldest(state, 500) == 500 - 12


def test_upcoming_tells_what_comes():
    clock = build_clock(D1, Streams(5), 4)
    state = clock.init(4)
    clock.hold(state, 2)
    told = clock.upcoming(state, 11)
    seen = []
    for _ in range(11):
        job = clock.peek(state, 100).job
        clock.pop(state)
        seen.append((job.worker, job.serial, 100 - job.read_at))
    assert list(told) == seen
    assert len({staleness for _, _, staleness in seen}) > 2


def test_a_restored_state_goes_on_alike():
    clock = build_clock(D1, Streams(5), 4)
    state = clock.init(4)
    play(clock, state, 10)
    clock.restart(state, 7)
    clock.hold(state, 1)
    saved = state.snapshot()
    expected = play(clock, state, 50, step=10)
    assert play(build_clock(D1, Streams(5), 4), PrescribedState.restore(saved), 50, step=10) == expected


@pytest.mark.parametrize("part", ["byzantine", "availability", "heterogeneity", "communication"])
def test_what_has_no_meaning_is_refused(part):
    with pytest.raises(TypeError, match=part):
        staleness_normal(mean=6.0, std=2.0, max=12, **{part: None})
