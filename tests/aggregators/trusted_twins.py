"""Servers with clean data: zeno_pp and afl_guard."""

import math

import numpy as np
from traces import Verdict, finite, norm, refused


class Trusting:
    """v is computed afresh at arrivals 0, refresh, 2·refresh, …"""

    def __init__(self, gradient, refresh=10):
        self.gradient, self.refresh, self.arrivals, self.v = gradient, refresh, 0, None

    def receive(self, given):
        if self.arrivals % self.refresh == 0:
            self.v = self.gradient(given.model)
        self.arrivals += 1
        return self.judge(given.vector)


class Zeno(Trusting):
    def __init__(self, gradient, gamma=0.1, rho=0.002, epsilon=0.1, refresh=10):
        super().__init__(gradient, refresh)
        self.gamma, self.rho, self.epsilon = gamma, rho, epsilon

    def judge(self, g):
        if not finite(g) or not g.any():
            return refused("zeno", {"zeno": math.nan})
        g = g / norm(g) * norm(self.v)
        score = self.gamma * float(np.dot(self.v, g)) - self.rho * float((g**2).sum()) + self.gamma * self.epsilon
        if score < 0:
            return refused("zeno", {"zeno": score})
        return Verdict(direction=g, scores={"zeno": score})


class AFLGuard(Trusting):
    def __init__(self, gradient, radius=1.5, refresh=10):
        super().__init__(gradient, refresh)
        self.radius = radius

    def judge(self, g):
        threshold = self.radius * norm(self.v)
        scores = {"afl_guard": math.nan, "afl_guard_threshold": threshold}
        if finite(g):
            scores["afl_guard"] = norm(g - self.v)
        if not scores["afl_guard"] <= threshold:
            return refused("afl_guard", scores)
        return Verdict(direction=g, scores=scores)
