"""The event clock, against tapes computed by hand."""

import math
from dataclasses import astuple, dataclass
from typing import ClassVar

import numpy as np
import pytest

from byzsgd.delays import constant, exponential, normal
from byzsgd.delays.availability import always
from byzsgd.delays.byzantine import same
from byzsgd.delays.heterogeneity import linear
from byzsgd.kernel.clocks import Agenda, build_clock
from byzsgd.kernel.randomness import Streams


@dataclass(frozen=True)
class Listed:
    """Seconds per worker, as given; the same for all of its jobs."""

    values: tuple[float, ...]
    prescribed: ClassVar[bool] = False
    communication: None = None
    heterogeneity: None = None
    availability: object = None
    byzantine: None = None

    def check(self, num_workers):
        assert num_workers == len(self.values)

    def seconds(self, draws, workers, serials):
        return np.array([[self.values[worker]] * len(serials) for worker in workers], dtype=float)


@dataclass(frozen=True)
class Away:
    """One worker is away during [down, back)."""

    worker: int
    down: float
    back: float

    def check(self, num_workers):
        pass

    def outage(self, draw, worker, start, finish):
        cut = worker == self.worker and start < self.back and (self.down < finish or self.down <= start)
        return (self.down, self.back) if cut else None

    def cost(self, draw, worker, start, finish):
        return finish - start


def start(clock, n, read_at=0, time=0.0):
    state = clock.init(n)
    jobs = [clock.dispatch(state, worker, read_at, time, clock.seconds(state, worker)) for worker in range(n)]
    return state, jobs


def play(clock, state, turns, step=0):
    """Every delivery is an update and is answered with DISPATCH."""
    tape = []
    for _ in range(turns):
        turn = clock.peek(state, step)
        if turn is None:
            break
        clock.pop(state)
        if turn.job is None:
            tape.append((turn.time, turn.worker, None, None))
        else:
            tape.append((turn.time, turn.worker, turn.job.serial, step - turn.job.read_at))
            step += 1
        clock.dispatch(state, turn.worker, step, turn.time, clock.seconds(state, turn.worker))
    return tape


def test_two_workers_of_two_and_three_seconds():
    clock = build_clock(Listed((2.0, 3.0)), Streams(0), 2)
    state, jobs = start(clock, 2)
    assert [astuple(job) for job in jobs] == [(0, 0, 0, 0.0, 2.0), (1, 0, 0, 0.0, 3.0)]
    assert play(clock, state, 8) == [
        (2.0, 0, 0, 0),
        (3.0, 1, 0, 1),
        (4.0, 0, 1, 1),
        (6.0, 0, 2, 0),  # the tie at 6 goes to the lower worker
        (6.0, 1, 1, 2),
        (8.0, 0, 3, 1),
        (9.0, 1, 2, 1),
        (10.0, 0, 4, 1),
    ]


def test_every_job_takes_the_seconds_of_its_own_serial():
    clock = build_clock(exponential(mean=1.0), Streams(0), 3)
    state, jobs = start(clock, 3)
    for job in jobs:
        assert job.finish == clock.durations(job.worker, 0)
    for _ in range(12):
        turn = clock.peek(state, 0)
        clock.pop(state)
        job = clock.dispatch(state, turn.worker, 0, turn.time, clock.seconds(state, turn.worker))
        assert job.serial == turn.job.serial + 1
        assert job.finish == turn.time + clock.durations(turn.worker, job.serial)


def test_peek_changes_nothing():
    clock = build_clock(Listed((2.0, 3.0)), Streams(0), 2)
    state, _ = start(clock, 2)
    assert [astuple(clock.peek(state, 0)) for _ in range(2)] == [(2.0, 0, (0, 0, 0, 0.0, 2.0))] * 2
    assert clock.oldest(state, 7) == 7


def test_a_cancelled_job_is_never_delivered_and_its_serial_stays_spent():
    clock = build_clock(Listed((2.0, 3.0)), Streams(0), 2)
    state, _ = start(clock, 2)
    assert clock.cancel(state, 0, 0, True)
    assert astuple(clock.dispatch(state, 0, 5, 1.0, 2.0)) == (0, 1, 5, 1.0, 3.0)
    assert play(clock, state, 2, step=5) == [(3.0, 0, 1, 0), (3.0, 1, 0, 6)]


def test_a_cancelled_job_is_forgotten_when_the_same_moment_comes_again():
    clock = build_clock(Listed((2.0,)), Streams(0), 1)
    state, _ = start(clock, 1)
    assert clock.cancel(state, 0, 0, True)
    assert clock.peek(state, 0) is None
    clock.dispatch(state, 0, 0, 0.0, 2.0)
    assert play(clock, state, 2) == [(2.0, 0, 1, 0), (4.0, 0, 2, 0)]


def test_restarts_do_not_fill_the_memory():
    clock = build_clock(Listed((1e9,) * 5), Streams(0), 5)
    state, _ = start(clock, 5)
    for time in range(1000):
        for worker in range(5):
            assert clock.cancel(state, worker, 0, True)
            clock.dispatch(state, worker, 0, float(time), 1e9)
    assert sum(map(len, state.later.values())) + len(state.today) <= 600
    assert [turn[1:3] for turn in play(clock, state, 5)] == [(worker, 1000) for worker in range(5)]


def test_workers_do_not_arrive_until_they_are_dispatched():
    clock = build_clock(Listed((2.0, 3.0)), Streams(0), 2)
    state, _ = start(clock, 2)
    for worker in range(2):
        assert clock.peek(state, 0).worker == worker
        clock.pop(state)
    assert clock.peek(state, 0) is None
    clock.dispatch(state, 1, 2, 4.0, 3.0)
    assert astuple(clock.peek(state, 2)) == (7.0, 1, (1, 1, 2, 4.0, 7.0))


def test_who_is_interrupted_cannot_be_cancelled_and_comes_back():
    clock = build_clock(Listed((2.0,), availability=Away(0, 1.0, 7.0)), Streams(0), 1)
    state, jobs = start(clock, 1)
    assert jobs == [None]
    assert not clock.cancel(state, 0, 0, False)
    assert play(clock, state, 2) == [(7.0, 0, None, None), (9.0, 0, 1, 0)]


def test_a_job_that_an_outage_cuts_is_lost_and_its_worker_comes_back():
    clock = build_clock(Listed((2.0, 3.0), availability=Away(0, 3.0, 7.0)), Streams(0), 2)
    state, _ = start(clock, 2)
    assert play(clock, state, 6) == [
        (2.0, 0, 0, 0),
        (3.0, 1, 0, 1),  # worker 0 started its job 1 at 2 and lost it at 3
        (6.0, 1, 1, 0),
        (7.0, 0, None, None),
        (9.0, 0, 2, 0),
        (9.0, 1, 2, 1),
    ]


def test_a_job_that_finishes_as_the_outage_begins_is_delivered():
    clock = build_clock(Listed((2.0,), availability=Away(0, 2.0, 7.0)), Streams(0), 1)
    state, _ = start(clock, 1)
    assert play(clock, state, 3) == [(2.0, 0, 0, 0), (7.0, 0, None, None), (9.0, 0, 1, 0)]  # no job began at 2


def test_a_crashed_worker_never_comes_back():
    clock = build_clock(Listed((2.0, 3.0), availability=Away(0, 3.0, math.inf)), Streams(0), 2)
    state, _ = start(clock, 2)
    assert [worker for _, worker, _, _ in play(clock, state, 5)] == [0, 1, 1, 1, 1]


def test_when_everyone_is_gone_nothing_arrives():
    clock = build_clock(Listed((2.0,), availability=Away(0, 1.0, math.inf)), Streams(0), 1)
    state, jobs = start(clock, 1)
    assert jobs == [None]
    assert clock.peek(state, 0) is None


def test_an_endless_job_is_never_delivered_but_can_be_cancelled():
    clock = build_clock(Listed((2.0, 3.0)), Streams(0), 2)
    state, _ = start(clock, 2)
    assert clock.cancel(state, 0, 0, True)
    assert clock.dispatch(state, 0, 0, 0.0, math.inf).finish == math.inf
    assert [worker for _, worker, _, _ in play(clock, state, 3)] == [1, 1, 1]
    assert clock.cancel(state, 0, 3, True)
    clock.dispatch(state, 0, 3, 9.0, 1.0)
    assert clock.peek(state, 3).worker == 0


@pytest.mark.parametrize("seconds", [-1.0, math.nan])
def test_time_does_not_run_backwards(seconds):
    clock = build_clock(Listed((2.0,)), Streams(0), 1)
    state = clock.init(1)
    with pytest.raises(ValueError, match=r"^a job needs seconds >= 0; got seconds=.*, worker=0, serial=0$"):
        clock.dispatch(state, 0, 0, 0.0, seconds)


def law(**around):
    return exponential(mean=1.0, availability=always(price=0.0), **around)


def test_a_restored_state_goes_on_alike():
    clock = build_clock(law(), Streams(3), 7)
    state, _ = start(clock, 7)
    play(clock, state, 100)
    assert clock.cancel(state, 4, 100, True)
    clock.dispatch(state, 4, 100, 11.0, 2.5)
    saved = state.snapshot()
    expected = play(clock, state, 200, step=100)
    fresh = build_clock(law(), Streams(3), 7)
    assert play(fresh, Agenda.restore(saved), 200, step=100) == expected


def test_the_jth_job_lasts_the_same_whatever_happened_before():
    clock = build_clock(law(), Streams(1), 100)
    table = {(worker, serial): clock.durations(worker, serial) for worker in range(100) for serial in range(200)}
    other = build_clock(law(), Streams(1), 70)  # another n, asked in another order
    for worker in reversed(range(70)):
        for serial in (150, 3, 80, 0, 199, 16, 15):
            assert other.durations(worker, serial) == table[worker, serial]
    assert len(set(table.values())) == len(table)


def test_seeds_differ():
    first, second = (build_clock(law(), Streams(seed), 1).durations(0, 0) for seed in (1, 2))
    assert first != second


def test_heterogeneity_liars_and_communication_change_no_other_number():
    plain = build_clock(law(), Streams(1), 5)
    slow = build_clock(law(heterogeneity=linear()), Streams(1), 5)
    fast = build_clock(law(byzantine=same(speed=10.0)), Streams(1), 5, (1, 3))
    own = build_clock(law(byzantine=constant(value=7.0)), Streams(1), 5, (1, 3))
    far = build_clock(law(communication=constant(value=0.5)), Streams(1), 5)
    for worker in range(5):
        for serial in (0, 15, 16, 300):
            seconds = plain.durations(worker, serial)
            assert slow.durations(worker, serial) == seconds * (worker + 1)
            assert fast.durations(worker, serial) == (seconds / 10 if worker in (1, 3) else seconds)
            assert own.durations(worker, serial) == (7.0 if worker in (1, 3) else seconds)
            assert far.durations(worker, serial) == seconds + 0.5


def test_computation_and_communication_are_independent():
    clock = build_clock(law(), Streams(1), 50)
    both = build_clock(law(communication=exponential(mean=1.0)), Streams(1), 50)
    compute = np.array([clock.durations(worker, serial) for worker in range(50) for serial in range(100)])
    total = np.array([both.durations(worker, serial) for worker in range(50) for serial in range(100)])
    assert abs(np.corrcoef(compute, total - compute)[0, 1]) < 4 / np.sqrt(len(total))


def test_ids_and_sizes_are_checked():
    with pytest.raises(ValueError, match=r"^the clock needs Byzantine ids in 0 … 4; got worker=5$"):
        build_clock(law(), Streams(0), 5, (1, 5))
    with pytest.raises(ValueError, match="the clock needs n=5, as built; got num_workers=6"):
        build_clock(law(), Streams(0), 5).init(6)
    with pytest.raises(ValueError, match="the clock needs at least one worker; got num_workers=0"):
        build_clock(law(), Streams(0), 0)


def test_a_law_inside_a_delay_stands_alone():
    inner = normal(mean=1.0, std=0.2, heterogeneity=linear())
    with pytest.raises(ValueError, match="^delay.communication needs a law alone; got heterogeneity="):
        build_clock(law(communication=inner), Streams(0), 3)
    with pytest.raises(ValueError, match="^delay.byzantine needs a law alone; got heterogeneity="):
        build_clock(law(byzantine=inner), Streams(0), 3)
