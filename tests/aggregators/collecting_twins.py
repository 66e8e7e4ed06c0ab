"""Servers that wait for several vectors: fedbuff, rennala, quorum, basgd, rounds; and plain ones, that do not wait."""

import rule_twins as rules
from dampings_twin import none
from traces import DISPATCH, HOLD, Verdict, refused


class Buffered:
    """A step from every `size` vectors; rows in order of arrival, one place per worker with `slots`.

    Plain asynchronous SGD with any damping is size 1. `limit`: older vectors are refused.
    """

    def __init__(self, size=1, slots=False, damping=none, rule=rules.mean, mix=lambda rows: rows, limit=None):
        self.size, self.slots, self.damping, self.rule, self.mix = size, slots, damping, rule, mix
        self.limit = limit
        self.places = []  # [worker, vector]

    def receive(self, given):
        if self.limit is not None and given.staleness > self.limit:
            return refused("max_staleness")
        weight = self.damping(given)
        damped = weight * given.vector
        own = [place for place in self.places if place[0] == given.worker]
        if self.slots and own:
            own[0][1] = damped
        else:
            self.places.append([given.worker, damped])
        if len(self.places) < self.size:
            return Verdict(weight=weight)
        rows, self.places = [vector for _, vector in self.places], []
        return Verdict(weight=weight, direction=self.rule(self.mix(rows)))


class Buckets:
    """BASGD: everything that a bucket got since the last step is kept, and averaged at the end."""

    def __init__(self, buckets, rule):
        self.rule = rule
        self.contents = [[] for _ in range(buckets)]

    def receive(self, given):
        self.contents[given.worker % len(self.contents)].append(given.vector)
        if any(not content for content in self.contents):
            return Verdict()
        rows = [rules.mean(content) for content in self.contents]
        self.contents = [[] for _ in self.contents]
        return Verdict(direction=self.rule(rows))


class Rounds:
    """Everybody once, rows by worker; who has delivered waits."""

    def __init__(self, n, rule):
        self.n, self.rule, self.rows = n, rule, {}

    def receive(self, given):
        self.rows[given.worker] = given.vector
        if len(self.rows) < self.n:
            return Verdict(reply=HOLD)
        rows, self.rows = [self.rows[worker] for worker in range(self.n)], {}
        return Verdict(direction=self.rule(rows), reply=DISPATCH)
