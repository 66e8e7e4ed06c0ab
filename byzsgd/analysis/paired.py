"""Runs of the same seed have the same clock and batches: they are compared pair by pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .bands import interval
from .groups import Comparison, Group, Recorded
from .outcomes import final, needed

UNDEFENDED = "asgd"  # the server that does nothing about liars
LEVEL = 0.9  # of the twin's final accuracy: where the slowdown is read off


@dataclass(frozen=True)
class Estimate:
    """Mean over seeds with its 95 % t-interval; half is NaN for a single seed."""

    mean: float
    half: float
    count: int


def estimate(values: Sequence[float]) -> Estimate:
    """Of finite values; an infinite one makes the mean infinite, NaN ones do not count."""
    known = np.array([value for value in values if not math.isnan(value)])
    if len(known) == 0:
        return Estimate(math.nan, math.nan, 0)
    if not np.isfinite(known).all():
        return Estimate(math.inf, math.nan, len(known))
    mean, half = interval(known[:, None])
    return Estimate(float(mean[0]), float(half[0]) if len(known) > 1 else math.nan, len(known))


def pairs(first: Group, second: Group) -> list[tuple[Recorded, Recorded]]:
    """Runs of both groups with the same seed."""
    others = {run.config.get("seed"): run for run in second.runs}
    return [(run, others[run.config.get("seed")]) for run in first.runs if run.config.get("seed") in others]


def difference(group: Group, reference: Group, measure: Callable[[Recorded], float] = final) -> Estimate:
    """Mean over seeds of (group − reference)."""
    return estimate([measure(run) - measure(other) for run, other in pairs(group, reference)])


def block(comparison: Comparison, group: Group) -> list[Group]:
    """The groups that differ from this one in the server only (in the first key, where servers do not differ)."""
    hue = "aggregator" if "aggregator" in comparison.keys else next(iter(comparison.keys), None)
    rest = [
        key for key in comparison.keys
        if hue is not None and key != hue and not key.startswith((f"{hue}.", f"{hue}/"))
    ]  # fmt: skip
    return [other for other in comparison.groups if all(other.values[key] == group.values[key] for key in rest)]


def best_of(groups: Sequence[Group]) -> Group:
    """The group with the highest final accuracy in the mean."""
    return max(groups, key=lambda group: _or_least(estimate([final(run) for run in group.runs]).mean))


def _or_least(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def twin(comparison: Comparison, group: Group) -> Group | None:
    """The undefended server without attack under otherwise equal settings, or else the same server without attack.

    None: there is neither.
    """
    free = [other for other in comparison.groups if _choice(comparison, other, "attack") == "none"]
    rest = [
        key for key in comparison.keys
        if key.replace("/", ".").partition(".")[0] not in ("aggregator", "attack")
    ]  # fmt: skip
    alike = [other for other in free if all(other.values[key] == group.values[key] for key in rest)]
    for server in (UNDEFENDED, _choice(comparison, group, "aggregator")):
        for other in alike:
            if other is not group and _choice(comparison, other, "aggregator") == server:
                return other
    return None


def slowdown(group: Group, reference: Group) -> Estimate:
    """Arrivals that a run needs until 90 % of its twin's final accuracy over those that the twin needs, seed by seed.

    inf where some seed never gets there.
    """
    ratios = []
    for run, other in pairs(group, reference):
        level = LEVEL * final(other)
        base = needed(other, level)
        ratios.append(needed(run, level) / base if 0 < base < math.inf else math.nan)
    return estimate(ratios)


def megabits(group: Group, rivals: Sequence[Group]) -> Estimate:
    """10⁶ bits that the workers of a run send until 90 % of the best rival's final accuracy, seed by seed; inf where
    some seed never gets there."""
    level = LEVEL * estimate([final(run) for run in best_of(rivals).runs]).mean
    return estimate([needed(run, level, "bits") / 1e6 for run in group.runs])


def _choice(comparison: Comparison, group: Group, key: str) -> object:
    return group.values.get(key, comparison.shared.get(key))
