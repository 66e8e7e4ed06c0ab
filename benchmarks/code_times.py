"""Times of a round under redundancy, without gradients: python -m benchmarks.code_times

A worker computes 1/N of the data in `compute` seconds, and its load r of the data in r·N times as many. A receiver
takes one message at a time. The draws of a table are paired.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from byzsgd.codes import tree
from byzsgd.schemes.tree import tree_receptions
from byzsgd.schemes.work import receptions

ROUNDS = 400


def master(compute: np.ndarray, stragglers: int, load: float, busy: float) -> float:
    """Mean seconds until one receiver has all messages but `stragglers`; (rounds, N) compute."""
    n = compute.shape[1]
    return float(
        np.mean([sorted(receptions(list(row * load), [0.0] * n, busy))[n - 1 - stragglers] for row in compute])
    )


def coded(compute: np.ndarray, stragglers: int, busy: float) -> float:
    return master(compute, stragglers, stragglers + 1, busy)


def reduced(compute: np.ndarray, children: int, layers: int, stragglers: int, busy: float) -> float:
    """Mean seconds until the root of a tree has decoded."""
    made = tree(children, layers, stragglers)
    ways, load = [0.0] * made.num_workers, made.load * made.num_workers
    receptions_of_rounds = [tree_receptions(made, list(row * load), ways, busy)[:children] for row in compute]
    return float(np.mean([max(time for time in row if time < math.inf) for row in receptions_of_rounds]))


def ring(compute: np.ndarray, busy: float, latency: float = 0.0) -> float:
    n = compute.shape[1]
    return float(compute.max(1).mean()) + 2 * (n - 1) * (latency + busy / n)


def small() -> Iterator[str]:
    """N = 20, shifted exponential compute of .05 + Exp(.05)."""
    compute = 0.05 + np.random.default_rng(0).exponential(0.05, (10 * ROUNDS, 20))
    yield "| message (s) | uncoded | coded s=4 | ignoring 4 | ring | tree (4, 2) s=0 | s=1 |"
    for busy in (0.005, 0.05, 0.5):
        times = (master(compute, 0, 1, busy), coded(compute, 4, busy), master(compute, 4, 1, busy), ring(compute, busy),
                 reduced(compute, 4, 2, 0, busy), reduced(compute, 4, 2, 1, busy))  # fmt: skip
        yield f"| {busy:g} | " + " | ".join(f"{time:.3f}" for time in times) + " |"


def two_speed() -> Iterator[str]:
    """Every worker is slow with probability .05 in a round; messages of .01 of an uncoded worker's seconds."""
    yield "| N | slow | ring | tree, by s | coded, best s |"
    for children, layers in ((4, 3), (12, 2)):
        n = tree(children, layers, 0).num_workers
        for slow in (10.0, 30.0):
            draws = np.random.default_rng(1).random((ROUNDS // 4, n)) < 0.05
            compute = np.where(draws, slow, 1.0)
            trees = [reduced(compute, children, layers, s, 0.01) for s in range(min(children, 4))]
            best = min((coded(compute, s, 0.01), s) for s in (0, *range(n // 12, n // 4, 3)))
            row = ", ".join(f"{time:.1f}" for time in trees)
            yield f"| {n} | ×{slow:g} | {ring(compute, 0.01):.1f} | {row} | {best[0]:.1f} (s={best[1]}) |"


def exponential_tails() -> Iterator[str]:
    """The ring's seconds over those of the tree with its best s, where messages cost bandwidth alone."""
    yield "| N | shift / mean | message (s) | ring / best tree | s |"
    for children, layers in ((4, 3), (12, 2)):
        n = tree(children, layers, 0).num_workers
        for shift in (0.1, 1.0, 10.0):
            compute = shift + np.random.default_rng(2).exponential(1.0, (ROUNDS // 4, n))
            for busy in (0.0, 0.01, 1.0):
                best = min((reduced(compute, children, layers, s, busy), s) for s in range(children))
                yield f"| {n} | {shift:g} | {busy:g} | {ring(compute, busy) / best[0]:.4f} | {best[1]} |"


def main() -> None:
    for table in (small, two_speed, exponential_tails):
        print(f"\n{table.__doc__}\n")
        print("\n".join(table()))


if __name__ == "__main__":
    main()
