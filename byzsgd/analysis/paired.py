"""Paired comparisons: runs of the same seed have the same clock and batches, so they are compared in pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy.special import stdtr

from .estimates import Estimate, estimate
from .groups import Comparison, Group, Recorded
from .outcomes import outcome

UNDEFENDED = "asgd"  # the server without a defence
ERROR = 0.05  # family-wise error rate: the chance of any difference among groups that do not differ
FEWEST = 3  # pairs that a test needs


def pairs(first: Group, second: Group) -> list[tuple[Recorded, Recorded]]:
    """The pairs of runs of both groups with the same seed."""
    others = {run.config.get("seed"): run for run in second.runs}
    return [(run, others[run.config.get("seed")]) for run in first.runs if run.config.get("seed") in others]


def difference(group: Group, reference: Group, metric: str = "test_accuracy") -> Estimate:
    """The estimate of (group − reference) over the seeds, without pairs in which both diverged."""
    return estimate(outcome(run, metric) - outcome(other, metric) for run, other in pairs(group, reference))


def block(comparison: Comparison, group: Group) -> list[Group]:
    """The groups that differ from this one only in the server; if servers do not differ, only in the first key."""
    hue = hue_of(comparison)
    rest = [key for key in comparison.besides(hue) if not key.startswith((f"{hue}.", f"{hue}/"))]
    return [other for other in comparison.groups if all(other.values[key] == group.values[key] for key in rest)]


def hue_of(comparison: Comparison) -> str | None:
    """The key that a block compares: the server, else the first key that differs."""
    return "aggregator" if "aggregator" in comparison.keys else next(iter(comparison.keys), None)


def reference_of(comparison: Comparison, group: Group) -> Group | None:
    """The group with which a group is compared: `asgd` of its block, else the block's first. Results do not matter."""
    hue, rivals = hue_of(comparison), block(comparison, group)
    undefended = [other for other in rivals if hue is not None and other.values[hue] == UNDEFENDED]
    return next(iter(undefended or rivals), None)


def rank(group: Group, metric: str, last: int = 1) -> float:
    """The median outcome, with a sign such that larger is better. A diverged run counts as the worst."""
    middle = estimate(outcome(run, metric, last) for run in group.runs).middle
    worth = middle if metric.endswith("accuracy") else -middle
    return -math.inf if math.isnan(worth) else worth


def leaders(groups: Sequence[Group], metric: str, last: int = 1) -> list[Group]:
    """The group with the best median, and all groups that do not differ from it significantly.

    The test is Student's t-test of the paired differences. The best group is picked from the same data, so the tests of
    all pairs of groups count: Holm's procedure (Scandinavian J. of Statistics 1979) keeps the chance of any false
    difference below 5 %. A diverged run has accuracy 0, or the worst loss of the two groups.
    """
    evaluated = [group for group in groups if any(not math.isnan(outcome(run, metric, last)) for run in group.runs)]
    if not evaluated:
        return []
    best = max(evaluated, key=lambda group: rank(group, metric, last))
    both = combinations(evaluated, 2)
    tested = [(_p_value(first, second, metric, last), {id(first), id(second)}) for first, second in both]
    apart: list[set[int]] = []
    for left, (p, pair) in zip(range(len(tested), 0, -1), sorted(tested, key=lambda each: each[0]), strict=True):
        if p > ERROR / left:
            break
        apart.append(pair)
    return [group for group in evaluated if {id(group), id(best)} not in apart]


def testable(groups: Sequence[Group]) -> bool:
    """Whether any two of these groups share enough seeds for a test."""
    return any(len(pairs(first, second)) >= FEWEST for first, second in combinations(groups, 2))


def _p_value(first: Group, second: Group, metric: str, last: int) -> float:
    """The two-sided p-value of no difference; 1 with too few pairs."""
    both = np.array([[outcome(run, metric, last) for run in pair] for pair in pairs(first, second)]).reshape(-1, 2)
    both = both[~np.isnan(both).any(axis=1)]
    finite = both[np.isfinite(both)]
    floor = 0.0 if metric.endswith("accuracy") or not len(finite) else float(finite.max())
    both[np.isinf(both)] = floor
    differences = both[:, 0] - both[:, 1]
    if len(differences) < FEWEST or not differences.any():
        return 1.0
    deviation = float(differences.std(ddof=1))
    if deviation == 0.0:
        return 0.0
    return float(2 * stdtr(len(differences) - 1, -abs(differences.mean()) * math.sqrt(len(differences)) / deviation))
