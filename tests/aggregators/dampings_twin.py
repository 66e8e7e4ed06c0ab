"""Λ(τ) by formula."""

import math


def none(given):
    return 1.0


def inverse(given):
    return 1 / (1 + given.staleness)


def exponential(alpha=0.2):
    return lambda given: math.exp(-alpha * given.staleness)


def root_exponential(alpha=1.475, beta=5):
    return lambda given: math.exp(-alpha * given.staleness ** (1 / beta))


def polynomial(exponent=0.5):
    return lambda given: (1 + given.staleness) ** -exponent


def hinge(slope=10, knee=4):
    return lambda given: 1.0 if given.staleness <= knee else 1 / (slope * (given.staleness - knee) + 1)


def delay_adaptive(concurrency):
    return lambda given: concurrency / max(concurrency, given.staleness)


def reciprocal(given):
    return 1.0 if given.staleness == 0 else 1 / given.staleness


def ada_delay(rate=0.01):
    return lambda given: 1 / (1 + rate * math.sqrt(given.step + given.staleness))
