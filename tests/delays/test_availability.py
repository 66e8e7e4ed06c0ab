"""Coming and going: tapes by hand, a literal twin, shares within 4 standard errors, and what it costs."""

import math

import numpy as np
import pytest

from byzsgd.delays import constant, exponential
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.randomness import Streams

from .conftest import members

MEMBERS = members("availability")


def clock_of(configure, name, *settings, law="exponential", n=3, seed=5):
    fewer = ["first_bidders=1"] if name == "spot_two_bids" else []
    overrides = [f"delay.availability.{setting}" for setting in (*fewer, *settings)]
    return build_clock(configure(law, f"delay/availability={name}", *overrides), Streams(seed), n)


def never(worker, slot):
    raise AssertionError("this law takes nothing by chance")


@pytest.mark.parametrize("name", MEMBERS)
def test_no_job_overlaps_an_absence_and_who_returns_is_there(configure, name):
    clock = clock_of(configure, name)
    availability, state = clock.availability, clock.init(3)
    returns = delivered = 0

    def start(worker, read_at, time):
        return clock.dispatch(state, worker, read_at, time, clock.seconds(state, worker))

    for worker in range(3):
        start(worker, 0, 0.0)
    for step in range(600):
        turn = clock.peek(state, step)
        clock.pop(state)
        if turn.job is None:
            returns += 1
            cut = availability.outage(clock.slots, turn.worker, turn.time, turn.time + 1e-9)
            assert cut is None or cut[0] > turn.time
        else:
            delivered += 1
            there = availability.presence(clock.slots, turn.worker, turn.job.start, turn.job.finish)
            assert there == pytest.approx(turn.job.finish - turn.job.start, abs=1e-9)
        start(turn.worker, step, turn.time)
    assert delivered > 300
    assert (returns > 0) == (name not in ("always", "crash", "on_demand"))


@pytest.mark.parametrize("name", MEMBERS)
def test_costs_add_up_over_time(configure, name):
    clock = clock_of(configure, name)
    whole, cuts = clock.cost(0.0, 500.0), np.random.default_rng(0).uniform(0, 500, 20)
    edges = [0.0, *sorted(cuts), 500.0]
    assert sum(clock.cost(a, b) for a, b in zip(edges, edges[1:], strict=False)) == pytest.approx(whole, rel=1e-9)
    assert clock.cost(7.0, 7.0) == 0.0


@pytest.mark.parametrize("name", ["bernoulli", "preemptible", "preemptible_growing", "spot", "spot_two_bids"])
def test_slotted_outages_against_a_literal_twin(configure, name):
    clock = clock_of(configure, name, "slot=0.7")
    availability, chance = clock.availability, np.random.default_rng(3)
    for _ in range(300):
        worker, start = int(chance.integers(3)), float(chance.uniform(0, 40))
        finish = start + float(chance.exponential(1.0))
        if chance.random() < 0.3:  # a job that ends as a slot does
            finish = math.ceil(finish / 0.7) * 0.7
        there = [availability.there(clock.slots, worker, slot) for slot in range(400)]
        down = next((s for s in range(400) if not there[s] and (s + 1) * 0.7 > start), None)
        expected = None
        if down * 0.7 < finish or down * 0.7 <= start:
            back = next(s for s in range(down, 400) if there[s])
            begin = down * 0.7
            expected = (begin, back * 0.7)
        assert availability.outage(clock.slots, worker, start, finish) == expected


def test_a_slot_begins_where_its_number_says(configure):
    availability = clock_of(configure, "bernoulli", "slot=0.1").availability
    for slot in range(20_000):
        assert availability.number(slot * 0.1) == slot
        assert availability.number(math.nextafter(slot * 0.1, math.inf)) == slot


def test_crash_by_hand(configure):
    crash = clock_of(configure, "crash", "at=10.0", "workers=[1]").availability
    assert crash.outage(never, 0, 5.0, 50.0) is None
    assert crash.outage(never, 1, 5.0, 10.0) is None
    assert crash.outage(never, 1, 5.0, 10.5) == (10.0, math.inf)
    assert crash.outage(never, 1, 12.0, 13.0) == (10.0, math.inf)


def test_periodic_by_hand(configure):
    """Two zones of 100 seconds: even workers are there during [0, 50), odd ones during [50, 100)."""
    periodic = clock_of(configure, "periodic").availability
    assert periodic.outage(never, 0, 10.0, 50.0) is None
    assert periodic.outage(never, 2, 10.0, 51.0) == (50.0, 100.0)
    assert periodic.outage(never, 0, 60.0, 61.0) == (50.0, 100.0)
    assert periodic.outage(never, 1, 10.0, 11.0) == (0.0, 50.0)
    assert periodic.outage(never, 1, 50.0, 100.0) is None
    assert periodic.outage(never, 1, 260.0, 301.0) == (300.0, 350.0)


def test_periodic_blocks_take_turns(configure):
    periodic = clock_of(configure, "periodic", "blocks=4", "share=0.25", "period=0.7").availability
    there = np.array(
        [[periodic.presence(never, w, t, t + 1e-6) > 5e-7 for w in range(4)] for t in np.arange(0.001, 9, 0.0311)]
    )
    assert (there.sum(axis=1) == 1).all() and there.any(axis=0).all()


def test_stays_by_hand(configure):
    """Worker 0: [0, 8) in two rows, [10, 20); worker 1: always; worker 2: [3, 4); the file is 20 seconds long."""
    trace = clock_of(configure, "trace").availability
    assert trace.outage(never, 0, 1.0, 8.0) is None
    assert trace.outage(never, 0, 1.0, 9.0) == (8.0, 10.0)
    assert trace.outage(never, 0, 8.0, 9.0) == (8.0, 10.0)
    assert trace.outage(never, 0, 15.0, 28.0) is None  # over the end, where the next lap begins at once
    assert trace.outage(never, 0, 15.0, 29.0) == (28.0, 30.0)
    assert trace.outage(never, 1, 0.0, 1e4) is None
    assert trace.outage(never, 2, 0.0, 1.0) == (0.0, 3.0)
    assert trace.outage(never, 2, 3.5, 4.5) == (4.0, 23.0)
    once = clock_of(configure, "trace", "repeat=false").availability
    assert once.outage(never, 2, 3.5, 4.5) == (4.0, math.inf)
    assert once.outage(never, 2, 5.0, 6.0) == (5.0, math.inf)


@pytest.mark.parametrize(
    ("name", "setting", "share"),
    [("bernoulli", "probability=0.8", 0.8), ("preemptible", "probability=0.3", 0.7)],
)
def test_workers_are_there_as_often_as_said(configure, name, setting, share):
    clock = clock_of(configure, name, setting, "slot=1.0", n=20)
    there = np.array([[clock.availability.there(clock.slots, w, s) for w in range(20)] for s in range(1000)])
    assert abs(there.mean() - share) <= 4 * np.sqrt(share * (1 - share) / there.size)
    assert abs(np.corrcoef(there[:, 0], there[:, 1])[0, 1]) <= 4 / np.sqrt(1000)
    assert abs(np.corrcoef(there[:-1].ravel(), there[1:].ravel())[0, 1]) <= 4 / np.sqrt(there.size)


def test_the_mean_inverse_of_the_number_of_preemptible_workers(configure):
    """E[1/y | y >= 1], y ~ Bin(n, 1 − q): what the error of a step depends on; never below 1/E y (Jensen)."""
    clock = clock_of(configure, "preemptible", "probability=0.6", "slot=1.0", n=5)
    counts = np.array([sum(clock.availability.there(clock.slots, w, s) for w in range(5)) for s in range(20_000)])
    inverse = 1 / counts[counts >= 1]
    expected = clock.availability.mean_inverse(5)
    assert abs(inverse.mean() - expected) <= 4 * inverse.std() / np.sqrt(len(inverse))
    by_hand = sum(math.comb(5, y) * 0.4**y * 0.6 ** (5 - y) / y for y in range(1, 6)) / (1 - 0.6**5)
    assert expected == pytest.approx(by_hand) and expected > (1 - 0.6**5) / (5 * 0.4)


def test_a_growing_fleet(configure):
    """2·1.5^j workers in slot j, rounded up: 2, 3, 5, 7, 11, …"""
    clock = clock_of(configure, "preemptible_growing", "growth=1.5", "probability=0.0", "slot=1.0", "price=2.0", n=9)
    there = [[clock.availability.there(clock.slots, w, s) for w in range(9)] for s in range(6)]
    assert [sum(row) for row in there] == [2, 3, 5, 7, 9, 9]
    assert clock.cost(0.0, 3.0) == pytest.approx(2.0 * (2 + 3 + 5))
    fixed = clock_of(configure, "preemptible_growing", "growth=1.0", "probability=0.0", n=9).availability
    assert fixed.outage(lambda worker, slot: 0.5, 2, 0.0, 1.0) == (0.0, math.inf)
    assert fixed.outage(lambda worker, slot: 0.5, 1, 0.0, 1.0) is None


def test_spot_workers_pay_the_price_and_never_more_than_their_bid(configure):
    """Uniform prices on [.2, 1), bid .6: there half of the time, at .4 in the mean."""
    clock = clock_of(configure, "spot", "slot=1.0", n=4)
    slots = 4000
    spent = clock.cost(0.0, float(slots)) / 4
    there = np.array([clock.availability.there(clock.slots, 3, slot) for slot in range(slots)])
    assert abs(there.mean() - 0.5) <= 4 * np.sqrt(0.25 / slots)
    prices = np.array([clock.slots(0, slot) for slot in range(slots)])
    assert spent == pytest.approx(prices[prices <= 0.6].sum())
    assert abs(prices[there].mean() - 0.4) <= 4 * prices[there].std() / np.sqrt(there.sum())


def test_two_bids(configure):
    clock = clock_of(configure, "spot_two_bids", "slot=1.0")
    high = [clock.availability.there(clock.slots, 0, slot) for slot in range(2000)]
    low = [clock.availability.there(clock.slots, 2, slot) for slot in range(2000)]
    assert all(first or not second for first, second in zip(high, low, strict=True))
    assert abs(np.mean(high) - 0.75) < 0.04 and abs(np.mean(low) - 0.25) < 0.04


def test_a_recorded_price(configure, tmp_path):
    rows = "".join(f"0,{slot},{price}\n" for slot, price in enumerate((0.3, 0.9, 0.5)))
    (tmp_path / "prices.csv").write_text("worker,serial,seconds\n" + rows)
    availability = configure("exponential", "delay/availability=spot").availability
    from byzsgd.delays import trace
    from byzsgd.delays.availability import spot

    price = trace(path=str(tmp_path / "prices.csv"), repeat=False)
    recorded = spot(price=price, bid=availability.bid, second_bid=None, first_bidders=None, slot=10.0)
    clock = build_clock(constant(value=4.0, availability=recorded), Streams(0), 2)
    assert recorded.outage(clock.slots, 0, 0.0, 25.0) == (10.0, 20.0)
    assert recorded.outage(clock.slots, 1, 20.0, 31.0) == (30.0, math.inf)
    assert clock.cost(0.0, 100.0) == pytest.approx(2 * 10 * (0.3 + 0.5))


def test_presence_is_a_matter_of_the_seed_alone(configure):
    first, second = (clock_of(configure, "spot") for _ in range(2))
    forward = [first.slots(0, slot) for slot in range(200)]
    assert [second.slots(0, slot) for slot in reversed(range(200))] == forward[::-1]
    durations = build_clock(exponential(mean=1.0), Streams(5), 3)
    assert all(first.durations(w, j) == durations.durations(w, j) for w in range(3) for j in range(40))


def test_a_fleet_that_would_grow_for_ever_is_refused(configure):
    with pytest.raises(ValueError, match="preemptible availability needs a growth to n within 1000000 slots; got"):
        clock_of(configure, "preemptible_growing", "initial=1", "growth=1.000000001")
