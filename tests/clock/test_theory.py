"""What theory says of clocks, on clocks alone: no model, no gradient; every arrival is an update."""

import numpy as np
import pytest

from byzsgd.delays import (
    exponential,
    gamma,
    lognormal,
    markov,
    normal,
    pareto,
    staleness_geometric,
    staleness_normal,
    two_speed,
)
from byzsgd.delays.availability import crash
from byzsgd.delays.byzantine import same
from byzsgd.delays.heterogeneity import linear, listed
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.randomness import Streams

LAWS = {
    "exponential": exponential(mean=1.0, heterogeneity=linear()),
    "pareto": pareto(shape=0.9, scale=1.0),
    "normal": normal(mean=1.0, std=0.2, communication=exponential(mean=0.5)),
    "two_speed": two_speed(fast=1.0, slow=50.0, probability=0.1, byzantine=same(speed=10.0)),
    "markov": markov(fast=1.0, slow=20.0, slow_down=0.05, recover=0.1),
    "lognormal": lognormal(mu=0.0, sigma=3.0, byzantine=gamma(shape=0.5, scale=0.1)),
}


class Server:
    """Steps at every arrival and always dispatches."""

    def __init__(self, delay, n, byzantine=(), seed=0):
        self.clock = build_clock(delay, Streams(seed), n, byzantine)
        self.state = self.clock.init(n)
        self.step, self.time = 0, 0.0
        self.lasted = {}  # (worker, serial) -> seconds
        self.flight = {}  # worker -> read_at
        for worker in range(n):
            self.dispatch(worker)

    def dispatch(self, worker):
        seconds = self.clock.seconds(self.state, worker)
        serial = self.state.serial(worker)
        job = self.clock.dispatch(self.state, worker, self.step, self.time, seconds)
        self.lasted[worker, serial] = seconds
        if job is not None:
            assert job.serial == serial
            self.flight[worker] = job.read_at

    def deliver(self):
        """(worker, staleness)"""
        turn = self.clock.peek(self.state, self.step)
        self.clock.pop(self.state)
        self.time = turn.time
        staleness = None
        if turn.job is not None:
            assert self.flight.pop(turn.worker) == turn.job.read_at
            staleness = self.step - turn.job.read_at
            self.step += 1
        self.dispatch(turn.worker)
        return turn.worker, staleness


@pytest.mark.parametrize("name", LAWS)
def test_staleness_is_conserved(name):
    """Σ staleness delivered + Σ age in flight = (n − 1)·updates, exactly, whatever the law."""
    server = Server(LAWS[name], 7, (1, 4))
    delivered = 0
    for updates in range(1, 2001):
        delivered += server.deliver()[1]
        in_flight = sum(server.step - read_at for read_at in server.flight.values())
        assert delivered + in_flight == 6 * updates


def test_a_crash_lowers_the_constant_of_conservation():
    server = Server(exponential(mean=1.0, availability=crash(at=20.0, workers=(0, 5))), 7)
    while server.time < 40.0:
        server.deliver()
    start = server.step
    before = sum(server.step - read_at for read_at in server.flight.values())
    delivered = sum(server.deliver()[1] for _ in range(1000))
    after = sum(server.step - read_at for read_at in server.flight.values())
    assert set(server.flight) == {1, 2, 3, 4, 6}
    assert delivered + after - before == 4 * (server.step - start)


def test_poisson_workers_have_their_shares_and_geometric_staleness():
    """Worker i delivers the share p = r_i/R of all, and P(τ = k) = p(1 − p)^k."""
    factors = (1.0, 2.0, 3.0, 0.5, 0.25)
    server = Server(exponential(mean=1.0, heterogeneity=listed(values=factors)), 5)
    arrivals = [server.deliver() for _ in range(30_000)]
    rates = 1 / np.array(factors)
    for worker, share in enumerate(rates / rates.sum()):
        stale = np.array([staleness for sender, staleness in arrivals if sender == worker])
        assert abs(len(stale) / 30_000 - share) <= 4 * np.sqrt(share * (1 - share) / 30_000)
        for k in range(6):
            p = share * (1 - share) ** k
            assert abs((stale == k).mean() - p) <= 4 * np.sqrt(p * (1 - p) / len(stale)), (worker, k)
        assert abs(stale.mean() - (1 - share) / share) <= 4 * stale.std() / np.sqrt(len(stale))


def test_flooders_take_the_share_that_their_speed_gives_them():
    """Byzantine share ρp/(1 − p + ρp) for p = f/n and speed ρ."""
    server = Server(exponential(mean=1.0, byzantine=same(speed=10.0)), 15, (0, 7, 14))
    liars = np.mean([server.deliver()[0] in (0, 7, 14) for _ in range(20_000)])
    share = 10 * 0.2 / (0.8 + 10 * 0.2)
    assert abs(liars - share) <= 4 * np.sqrt(share * (1 - share) / 20_000)


def test_the_slowest_of_n_exponentials():
    """E max = 1 + 1/2 + … + 1/n, variance 1 + 1/4 + … + 1/n²: what a synchronous round costs."""
    n, rounds = 12, 3000
    clock = build_clock(exponential(mean=1.0), Streams(4), n)
    slowest = np.array([max(clock.durations(worker, serial) for worker in range(n)) for serial in range(rounds)])
    orders = np.arange(1, n + 1)
    assert abs(slowest.mean() - (1 / orders).sum()) <= 4 * np.sqrt((1 / orders**2).sum() / rounds)


@pytest.mark.parametrize(
    "law",
    [
        staleness_normal(mean=6.0, std=2.0, max=12),
        staleness_normal(mean=12.0, std=4.0, max=24),
        staleness_geometric(probability=0.2, max=30),
    ],
    ids=["d1", "d2", "geometric"],
)
def test_sampled_staleness_is_the_prescribed_one(law):
    n, arrivals = 10, 20_000
    clock = build_clock(law, Streams(8), n)
    state = clock.init(n)
    sampled = []
    for step in range(100, 100 + arrivals):
        turn = clock.peek(state, step)
        clock.pop(state)
        sampled.append(step - turn.job.read_at)
        clock.dispatch(state, turn.worker, step, turn.time, 0.0)
    counts = np.bincount(sampled, minlength=law.max + 1) / arrivals
    assert len(counts) == law.max + 1
    error = np.sqrt(law.probabilities * (1 - law.probabilities) / arrivals)
    assert (np.abs(counts - law.probabilities) <= 4 * error + 1e-12).all()
    assert abs(np.mean(sampled) - law.expectation) <= 4 * np.sqrt(law.variance / arrivals)
    lag = np.corrcoef(sampled[:-1], sampled[1:])[0, 1]
    assert abs(lag) <= 4 / np.sqrt(arrivals)


@pytest.mark.parametrize("name", LAWS)
def test_the_jth_job_lasts_the_same_whatever_the_server_and_the_attack_do(name):
    """One server that always dispatches, one that cancels, restarts and holds, liars that flood and stall."""
    patient, wild = Server(LAWS[name], 7, (1, 4)), Server(LAWS[name], 7, (1, 4))
    chance, flying = np.random.default_rng(1), set(range(7))
    for _ in range(2000):
        patient.deliver()
    for _ in range(1000):
        turn = wild.clock.peek(wild.state, wild.step)
        wild.clock.pop(wild.state)
        flying.remove(turn.worker)
        wild.time = turn.time
        wild.step += 1
        everyone = chance.random() < 0.05
        for worker in range(7) if everyone else (turn.worker, int(chance.integers(7))):
            assert wild.clock.cancel(wild.state, worker, wild.step, worker in flying) == (worker in flying)
            seconds = wild.clock.seconds(wild.state, worker)
            wild.lasted[worker, wild.state.serial(worker)] = seconds
            lying = worker in (1, 4)
            wild.clock.dispatch(wild.state, worker, wild.step, wild.time, 0.01 * seconds if lying else seconds)
            flying.add(worker)
    both = patient.lasted.keys() & wild.lasted.keys()
    assert len(both) > 500
    assert all(patient.lasted[key] == wild.lasted[key] for key in both)
