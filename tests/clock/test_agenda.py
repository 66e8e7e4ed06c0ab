"""The agenda and the table of durations, each against the most literal twin."""

import math

import numpy as np
import pytest

from byzsgd.kernel.clocks.agenda import Agenda
from byzsgd.kernel.clocks.table import Table, Uniforms, block_of, serials_of
from byzsgd.kernel.randomness import Streams


def empty(n, pace):
    return Agenda(pace, {worker: (math.inf, worker, -1, None) for worker in range(n)})


@pytest.mark.parametrize("pace", [1e-6, 0.02, 1.0, 1e4], ids=lambda pace: f"pace-{pace:g}")
@pytest.mark.parametrize("tail", [0.3, 4.0], ids=lambda tail: f"tail-{tail:g}")
def test_agenda_against_a_sorted_dict(pace, tail):
    n, chance = 40, np.random.default_rng(int(tail * 10))
    agenda, twin, now = empty(n, pace), {}, 0.0
    serials = [-1] * n

    def add(worker):
        serials[worker] += 1
        seconds = math.inf if chance.random() < 0.001 else round(float(chance.lognormal(0.0, tail)), 1)  # many ties
        entry = (now + seconds, worker, serials[worker], None)
        agenda.add(entry)
        twin[worker] = entry

    for worker in range(n):
        add(worker)
    for turn in range(12_000):
        expected = min((entry for entry in twin.values() if entry[0] < math.inf), default=None)
        assert agenda.first() == expected
        if turn % 1000 == 999:
            agenda = Agenda.restore(agenda.snapshot())
            assert agenda.first() == expected
        now = expected[0]
        agenda.done()
        worker = expected[1]
        del twin[worker]
        choice = chance.random()
        if choice < 0.9:
            add(worker)
        else:  # held until somebody else is through
            other = int(chance.integers(n))
            agenda.drop(other)
            twin.pop(other, None)
            add(other)
            if other != worker:
                add(worker)
    assert sum(map(len, agenda.later.values())) + len(agenda.today) < 4 * n + 1000


def test_days_follow_the_pace():
    agenda, now = empty(100, 1e-3), 0.0
    for worker in range(100):
        agenda.add((float(worker), worker, 0, None))
    for _ in range(3000):
        now, worker, serial, _ = agenda.first()
        agenda.done()
        agenda.add((now + 100.0, worker, serial + 1, None))
    assert 1 / 64 < agenda.pace < 1 / 16  # one arrival a second, 32 of them a day


def test_an_entry_before_the_one_that_was_told_comes_first():
    agenda = empty(3, 1.0)
    agenda.add((100.0, 0, 0, None))
    assert agenda.first()[1] == 0
    agenda.add((5.0, 1, 0, None))
    agenda.add((5.0, 2, 0, None))
    order = []
    while (entry := agenda.first()) is not None:
        order.append(entry[1])
        agenda.done()
    assert order == [1, 2, 0]


def test_blocks_cover_every_serial_once():
    for serial in range(1000):
        assert serial in serials_of(block_of(serial))
    blocks = [serials_of(block) for block in range(20)]
    assert all(a.stop == b.start for a, b in zip(blocks, blocks[1:], strict=False))


@pytest.mark.parametrize("kept", [1, 2, 8])
def test_table_against_the_function(kept):
    def function(workers, serials):
        return np.add.outer(np.array(workers) * 10_000.0, np.array(serials, dtype=float))

    chance = np.random.default_rng(0)
    table = Table(function, 150, kept)
    for _ in range(20_000):
        worker, serial = int(chance.integers(150)), int(chance.integers(400))
        assert table(worker, serial) == worker * 10_000 + serial


def test_a_table_calls_the_function_once_for_a_stretch_of_jobs():
    calls = []

    def function(workers, serials):
        calls.append((len(workers), serials))
        return np.zeros((len(workers), len(serials)))

    table = Table(function, 150)
    for serial in range(128):
        for worker in range(150):
            table(worker, serial)
    assert calls[:3] == [(64, range(16)), (64, range(16)), (22, range(16))]
    assert len(calls) == 3 + 3 + 150


def test_a_straggler_does_not_disturb_its_neighbours():
    calls = []

    def function(workers, serials):
        calls.append(workers)
        return np.zeros((len(workers), len(serials)))

    table = Table(function, 3)
    for worker in (0, 1):
        for serial in (0, 16, 64, 128):  # their fourth block takes the place of the second
            table(worker, serial)
    made = len(calls)
    table(1, 16)  # looked at again
    assert len(calls) == made + 1
    table(0, 128)
    table(2, 16)
    assert len(calls) == made + 1


def test_uniforms_are_the_same_however_they_are_asked_for():
    uniforms = Uniforms(Streams(1), "compute")
    whole = np.concatenate([uniforms.of(range(s, s + 64))(range(200)) for s in (0, 64)])
    assert whole.shape == (128, 200) and len(np.unique(whole)) == whole.size
    assert whole.min() >= 0 and whole.max() < 1
    for workers, serials in (
        (range(3, 4), range(0, 200)),
        (range(70, 73), range(10, 70)),
        (range(64, 128), range(63, 64)),
    ):
        np.testing.assert_array_equal(uniforms.of(workers)(serials), whole[np.ix_(workers, serials)])
