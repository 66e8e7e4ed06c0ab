"""Maximising a function of one magnitude with few evaluations."""

from __future__ import annotations

from collections.abc import Callable

from byzsgd.checks import Condition

EVALS = Condition("evals >= 1", lambda evals: evals >= 1)


def line_search(
    objective: Callable[[float], float], start: float, evals: int, *, ratio: float = 0.8
) -> tuple[float, float]:
    """(x, objective(x)) of the best x > 0 found with `evals` evaluations, the first of them at `start`.

    The step, `start` at first, doubles while going up helps; then both sides of the best x are tried with a step that
    shrinks by `ratio`. So the result is never worse than `start`, and the function need be neither smooth nor unimodal.

    After the line search of El Mhamdi, Guerraoui, Rouault: Distributed momentum for Byzantine-resilient learning
    (ICLR 2021, arXiv 2003.00010).
    """
    best, value, step = start, objective(start), start
    left = evals - 1
    while left > 0:
        tried = objective(best + step)
        left -= 1
        if tried <= value:
            break
        best, value, step = best + step, tried, 2 * step
    side = -1
    while left > 0:
        step *= ratio
        x = best + side * step
        x = x if x > 0 else best / 2
        tried = objective(x)
        left -= 1
        if tried > value:
            best, value = x, tried
        else:
            side = -side
    return best, value
