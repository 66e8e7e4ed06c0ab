"""Maximising a function of two magnitudes with few evaluations."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

# Sizes of about the mean and a few standard deviations.
GRID = [(a, b) for b in (0.5, 1.5, 4.0) for a in (0.3, 1.0, 3.0)]
MOVES = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, -1), (1, -1), (-1, 1))
Point = tuple[float, float]


def plane_search(
    objective: Callable[[float, float], float], start: Point, value: float, evals: int, *, ratio: float = 0.6
) -> tuple[Point, float]:
    """((a, b), objective(a, b)) of the best point found with `evals` evaluations beside `start`, whose value is known.

    A grid, since the function may have cliffs; then steps around the best point in eight directions, with b >= 0, which
    shrink by `ratio` after every four that do not help. A step that helps is taken again.
    """
    best, left = start, evals
    for a, b in islice(GRID, evals):
        tried = objective(a, b)
        left -= 1
        if tried > value:
            best, value = (a, b), tried
    along, across = max(best[0], 0.2) / 2, max(best[1], 0.4) / 2
    move = failed = 0
    for _ in range(left):
        u, v = MOVES[move % len(MOVES)]
        point = best[0] + u * along, max(0.0, best[1] + v * across)
        tried = objective(*point)
        if tried > value:
            best, value, failed = point, tried, 0
            continue
        move, failed = move + 1, failed + 1
        if failed == 4:
            along, across, failed = along * ratio, across * ratio, 0
    return best, value
