"""Learning-rate laws: plain functions of (lr, step), step counting the updates before this one."""

from __future__ import annotations

import math

from byzsgd.checks import require
from byzsgd.interfaces.compiled import compiled_as


@compiled_as("constant")
def constant(lr: float, step: int) -> float:
    """Constant learning rate: lr."""
    return lr


def inverse_power(lr: float, step: int, *, power: float, floor: float) -> float:
    """Inverse power: max(lr / (1 + step)^power, floor·lr); Kardam's code uses power .3 and floor .01.

    Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki, ICML 2018, arXiv 1802.07928 (learning rate of the authors' code).
    """
    require(power >= 0 and 0 <= floor <= 1, "inverse_power", "power >= 0 and 0 <= floor <= 1", power=power, floor=floor)
    return float(max(lr / (1 + step) ** power, floor * lr))


def step(lr: float, step: int, *, milestones: tuple[int, ...], factor: float) -> float:
    """Step decay: lr·factor^(number of milestones, in updates, that have been reached)."""
    require(factor > 0, "step", "factor > 0", factor=factor)
    return float(lr * factor ** sum(step >= milestone for milestone in milestones))


def cosine(lr: float, step: int, *, total: int, floor: float) -> float:
    """Cosine annealing from lr to floor·lr over `total` updates, then held.

    lr·(floor + (1 − floor)·(1 + cos(π·min(step, total)/total))/2).
    Loshchilov, Hutter: SGDR: stochastic gradient descent with warm restarts, ICLR 2017, arXiv 1608.03983.
    """
    require(total >= 1 and 0 <= floor <= 1, "cosine", "total >= 1 and 0 <= floor <= 1", total=total, floor=floor)
    progress = min(step, total) / total
    return lr * (floor + (1 - floor) * (1 + math.cos(math.pi * progress)) / 2)
