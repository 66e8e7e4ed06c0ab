"""Kardam in all its readings, with every delivery remembered for ever and every table rebuilt at every arrival."""

import math

import rule_twins as rules
from dampings_twin import inverse
from traces import Verdict, finite, norm, refused


class Kardam:
    def __init__(
        self,
        n,
        f,
        *,
        candidate="worker",
        memory="last",
        hatch=False,
        warmup="quorum",
        filters=("lipschitz", "frequency"),
        damping=inverse,
        size=1,
        slots=False,
        rule=rules.mean,
        mix=lambda rows: rows,
    ):
        self.n, self.f = n, f
        self.candidate, self.memory, self.hatch, self.warmup = candidate, memory, hatch, warmup
        self.filters, self.damping = filters, damping
        self.size, self.slots, self.rule, self.mix = size, slots, rule, mix
        self.deliveries = [[] for _ in range(n)]  # (model read, vector), the finite ones
        self.coefficients = [[] for _ in range(n)]
        self.failures = 0
        self.accepted = []  # workers
        self.buffer = []  # [worker, damped, undamped]
        self.previous = None  # (model before the last update, its undamped direction)

    def receive(self, given):
        scores = {}
        self.learnt = False
        reason = ""
        for name in self.filters:
            passes = self.lipschitz(given, scores) if name == "lipschitz" else self.frequency(given)
            if not passes:
                reason = name
                break
        if "lipschitz" in self.filters and not self.learnt and finite(given.vector):
            self.learn(given)  # the table grows whether or not it was asked
        if reason:
            return refused(reason, scores)
        self.accepted.append(given.worker)
        return self.collect(given, scores)

    # ------------------------------------------------------------------------------------------------------- filters

    def learn(self, given):
        self.learnt = True
        mine = self.deliveries[given.worker]
        for read, vector in reversed(mine):
            if norm(given.read - read) > 0:
                self.coefficients[given.worker].append(norm(given.vector - vector) / norm(given.read - read))
                break
        mine.append((given.read, given.vector))

    def table(self):
        return [
            math.inf if not numbers else numbers[-1] if self.memory == "last" else max(numbers[-26:])
            for numbers in self.coefficients
        ]

    def lipschitz(self, given, scores):
        scores.update(lipschitz=math.nan, lipschitz_threshold=math.nan)
        if not finite(given.vector):
            return False
        self.learn(given)
        if self.warmup == "all" and not all(self.coefficients):
            self.failures = 0
            return True
        threshold = sorted(self.table())[self.n - self.f - 1]
        value = self.own(given) if self.candidate == "worker" else self.servers(given)
        scores.update(lipschitz=value, lipschitz_threshold=threshold)
        if value <= threshold or (self.hatch and self.failures >= self.n):
            self.failures = 0
            return True
        self.failures += 1
        return False

    def own(self, given):
        mine = self.coefficients[given.worker]
        return mine[-1] if mine else math.inf

    def servers(self, given):
        if self.previous is None:
            return math.inf
        model, direction = self.previous
        change, distance = norm(given.vector - direction), norm(given.model - model)
        if distance == 0:
            return 0.0 if change == 0 else math.inf
        return change / distance

    def frequency(self, given):
        window = self.accepted[len(self.accepted) - 2 * self.f :] if len(self.accepted) > 2 * self.f else self.accepted
        return self.f == 0 or given.worker not in window

    # -------------------------------------------------------------------------------------------------------- update

    def collect(self, given, scores):
        weight = self.damping(given)
        entry = [given.worker, weight * given.vector, given.vector]
        own = [i for i, place in enumerate(self.buffer) if place[0] == given.worker]
        if self.slots and own:
            self.buffer[own[0]] = entry
        else:
            self.buffer.append(entry)
        if len(self.buffer) < self.size:
            return Verdict(weight=weight, scores=scores)
        damped, undamped = [place[1] for place in self.buffer], [place[2] for place in self.buffer]
        self.buffer = []
        plain = self.rule(self.mix(undamped))
        if plain.any():
            self.previous = (given.model, plain)
        return Verdict(weight=weight, direction=self.rule(self.mix(damped)), scores=scores)
