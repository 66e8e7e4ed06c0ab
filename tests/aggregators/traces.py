"""Long random traces of deliveries, and their replay through a server and its slow literal twin side by side.

A twin is plain NumPy float64, written from the papers' definitions and the fixed readings of docs/servers.md alone. It
has `receive(given) -> Verdict`; its lists grow for ever and it computes everything afresh.
"""

import functools
import math
from dataclasses import dataclass, field

import numpy as np
import torch

from byzsgd import experiment
from byzsgd.interfaces import Arrival, Reply, ServerContext

DISPATCH, HOLD, RESTART = Reply.DISPATCH, Reply.HOLD, Reply.RESTART


@dataclass
class Given:
    """What a twin sees of one delivery."""

    worker: int
    read_at: int
    step: int
    vector: np.ndarray
    read: np.ndarray  # the model that it was computed on
    model: np.ndarray  # now

    @property
    def staleness(self):
        return self.step - self.read_at


@dataclass
class Verdict:
    """What a twin says to it."""

    reason: str = "accepted"
    weight: float = 1.0
    direction: np.ndarray | None = None
    reply: Reply = DISPATCH
    scores: dict = field(default_factory=dict)
    cancel: tuple = ()


def refused(reason, scores=None):
    return Verdict(reason, 0.0, scores=scores or {})


def finite(vector):
    return bool(np.isfinite(vector).all())


def norm(vector):
    """Without overflow on the way."""
    return math.hypot(*(float(value) for value in vector))


PAYLOADS = ("honest", "reversed", "not a number", "infinity", "huge", "zero", "constant", "again", "small")


class World:
    """n workers around ½‖x‖² with noise: always-busy, of different speeds, the first `liars` of them Byzantine.

    Reads: some jobs start on the model of the job before (a lost reply), so that models repeat; liars claim versions.
    Vectors: honest ones, now and then the very one sent before; liars take any of `payloads` after `quiet` arrivals.
    """

    def __init__(self, n, liars, seed, d, payloads, lr, quiet):
        self.rng = np.random.default_rng(seed)
        self.n, self.liars, self.payloads, self.lr, self.quiet = n, liars, payloads, lr, quiet
        self.models = [self.rng.normal(size=d)]
        self.reads = [0] * n
        self.held = set()
        self.speeds = self.rng.uniform(0.2, 1.0, size=n)
        self.sent = {}

    @property
    def step(self):
        return len(self.models) - 1

    def next(self):
        free = [worker for worker in range(self.n) if worker not in self.held]
        reached = np.cumsum(self.speeds[free])
        worker = free[int(np.searchsorted(reached, self.rng.random() * reached[-1], side="right"))]
        read_at = self.reads[worker]
        if worker < self.liars and self.rng.random() < 0.2:
            read_at = int(self.rng.integers(max(0, self.step - 8), self.step + 1))
        vector = self._vector(worker, self.models[read_at])
        self.sent[worker] = vector
        return Given(worker, read_at, self.step, vector, self.models[read_at], self.models[-1])

    def _vector(self, worker, read):
        honest = read + 0.3 * self.rng.normal(size=len(read))
        again = self.sent.get(worker, honest)
        self.quiet -= 1
        if worker >= self.liars or self.quiet >= 0:
            return again if self.rng.random() < 0.03 else honest
        d = len(honest)
        spoilt = honest.copy()
        kind = self.payloads[self.rng.integers(len(self.payloads))]
        if kind == "not a number":
            spoilt[self.rng.integers(d)] = math.nan
        if kind == "infinity":
            spoilt[self.rng.integers(d)] = self.rng.choice([-math.inf, math.inf])
        return {
            "reversed": -10 * honest,
            "huge": 1e30 * self.rng.normal(size=d),
            "zero": np.zeros(d),
            "constant": np.full(d, 0.7),
            "again": again,
            "small": 1e-9 * honest,
        }.get(kind, spoilt)

    def decided(self, given, direction, reply, cancel):
        updated = direction is not None
        if updated:
            self.models.append(self.models[-1] - self.lr * direction)
        if reply is HOLD:
            self.held.add(given.worker)
        elif self.rng.random() < 0.85:
            self.reads[given.worker] = self.step
        if updated:
            for worker in self.held:
                self.reads[worker] = self.step
            self.held.clear()
        for worker in range(self.n) if reply is RESTART else cancel:
            self.reads[worker] = self.step


@functools.cache
def composed(*overrides):
    return experiment(*overrides).aggregator


def replay(overrides, twin, *, n=10, f=3, liars=None, **trace):
    """The composed server and its twin on one trace."""
    server = composed(*overrides, f"num_workers={n}", f"num_byzantine={f}")
    return compare(server, twin, n=n, liars=f if liars is None else liars, **trace)


def compare(server, twin, *, n, liars, seed=0, arrivals=300, d=4, payloads=PAYLOADS, lr=0.1, quiet=0, trusted=None):
    """A server and its twin, decision by decision; how often each reason came up.

    `trusted`: the gradient on clean data, a NumPy function of the model.
    """
    world = World(n, liars, seed, d, payloads, lr, quiet)
    params = torch.from_numpy(world.models[0].copy())
    gradient = None if trusted is None else lambda model: torch.from_numpy(trusted(model.numpy()))
    state = server.init(ServerContext(n, params, gradient))
    counts = {}
    for number in range(arrivals):
        given = world.next()
        vector, read = torch.from_numpy(given.vector.copy()), torch.from_numpy(given.read.copy())
        arrival = Arrival(float(number), given.worker, given.read_at, given.step, vector, read)
        decision, expected = server.receive(state, arrival), twin.receive(given)
        agree(decision, expected, f"arrival {number}")
        counts[expected.reason] = counts.get(expected.reason, 0) + 1
        counts["updates"] = counts.get("updates", 0) + (expected.direction is not None)
        world.decided(given, expected.direction, expected.reply, expected.cancel)
        params.copy_(torch.from_numpy(world.models[-1]))
    return counts


def agree(decision, expected, where):
    assert decision.reason == expected.reason, where
    assert decision.accepted == (expected.reason == "accepted"), where
    assert decision.reply is expected.reply, where
    assert sorted(decision.cancel) == sorted(expected.cancel), where
    assert math.isclose(decision.weight, expected.weight, rel_tol=1e-12), where
    assert (decision.direction is None) == (expected.direction is None), where
    if expected.direction is not None:
        size = np.abs(expected.direction)
        apart = np.abs(decision.direction.numpy() - expected.direction)
        assert (apart <= 1e-9 * size + 1e-12 * size.max()).all(), (where, decision.direction, expected.direction)
    assert decision.scores.keys() == expected.scores.keys(), where
    for name, value in expected.scores.items():
        score = decision.scores[name]
        both_none = math.isnan(score) and math.isnan(value)
        assert both_none or math.isclose(score, value, rel_tol=1e-8, abs_tol=1e-12), (where, name, score, value)
