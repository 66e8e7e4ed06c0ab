"""Servers with a table of all workers: mifa, ringleader, the weighted rules of Dahan and Levy."""

import numpy as np
from traces import Verdict


class MIFA:
    def __init__(self, n):
        self.n, self.latest = n, {}

    def receive(self, given):
        self.latest[given.worker] = given.vector
        zero = np.zeros_like(given.vector)
        return Verdict(direction=sum(self.latest.get(worker, zero) for worker in range(self.n)) / self.n)


class Weighted:
    """Rows by worker id, of the workers seen; weights = deliveries."""

    def __init__(self, rule):
        self.rule, self.sent = rule, {}

    def receive(self, given):
        self.sent.setdefault(given.worker, []).append(given.vector)
        workers = sorted(self.sent)
        rows, weights = [self.sent[worker][-1] for worker in workers], [len(self.sent[worker]) for worker in workers]
        return Verdict(direction=self.rule(rows, weights))


class Ringleader:
    """A table of lists: the arrival that completes it makes the first of n updates, one per worker."""

    def __init__(self, n):
        self.n, self.table, self.following, self.done = n, {}, {}, []

    def receive(self, given):
        table = self.following if given.worker in self.done else self.table
        table.setdefault(given.worker, []).append(given.vector)
        if given.worker in self.done or len(self.table) < self.n:
            return Verdict()
        direction = sum(sum(vectors) / len(vectors) for vectors in self.table.values()) / self.n
        self.done.append(given.worker)
        if len(self.done) == self.n:
            self.table, self.following, self.done = self.following, {}, []
        return Verdict(direction=direction)
