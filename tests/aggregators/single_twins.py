"""Servers that use every vector by itself, without a pipeline: dc_asgd, ringmaster with stops, throttle."""

import math

import numpy as np
from traces import RESTART, Verdict, finite, norm, refused


class DCASGD:
    def __init__(self, compensation, adaptive=False, decay=0.95, epsilon=1e-7):
        self.compensation, self.adaptive, self.decay, self.epsilon = compensation, adaptive, decay, epsilon
        self.sent = {}  # every gradient of each worker, oldest first

    def receive(self, given):
        g, strength = given.vector, self.compensation
        mine = self.sent.setdefault(given.worker, [])
        mine.append(g)
        if self.adaptive:
            mean_square = np.zeros_like(g)
            for each in mine:
                mean_square = self.decay * mean_square + (1 - self.decay) * each * each
            strength = self.compensation / np.sqrt(mean_square + self.epsilon)
        return Verdict(direction=g + strength * g * g * (given.model - given.read))


class RingmasterStop:
    """The versions that all workers are on, kept here too; who would be refused is sent off anew."""

    def __init__(self, n, limit):
        self.limit, self.reads = limit, [0] * n

    def receive(self, given):
        fits = given.staleness <= self.limit
        now = given.step + fits
        self.reads[given.worker] = now
        late = [worker for worker, read in enumerate(self.reads) if now - read > self.limit]
        for worker in late:
            self.reads[worker] = now
        if not fits:
            return Verdict("max_staleness", 0.0, cancel=tuple(late))
        return Verdict(direction=given.vector, cancel=tuple(late))


def clip(vector, radius):
    length = norm(vector)
    return vector if length <= radius else vector / length * radius


class Throttle:
    def __init__(self, n, growth=1.5, radius_first=100.0, radius_later=1.0, anchor_radius=math.inf):
        self.n, self.growth = n, growth
        self.radius_first, self.radius_later, self.anchor_radius = radius_first, radius_later, anchor_radius
        self.anchor, self.round = None, []  # (worker, clipped first vector or None) of this round

    def receive(self, given):
        if not finite(given.vector):
            return refused("throttle")
        anchor = np.zeros_like(given.vector) if self.anchor is None else self.anchor
        before = sum(worker == given.worker for worker, _ in self.round)
        if before:
            weight, vector = self.growth**-before, clip(given.vector, self.radius_later)
            self.round.append((given.worker, None))
        else:
            weight, vector = 1 / self.n, anchor + clip(given.vector - anchor, self.radius_first)
            self.round.append((given.worker, vector))
        firsts = [vector for _, vector in self.round if vector is not None]
        if len(firsts) < self.n:
            return Verdict(weight=weight, direction=weight * vector)
        self.anchor, self.round = clip(sum(firsts) / self.n, self.anchor_radius), []
        return Verdict(weight=weight, direction=weight * vector, reply=RESTART)
