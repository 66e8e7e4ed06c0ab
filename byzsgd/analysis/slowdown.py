"""The slowdown: how much longer training takes than in the twin without liars, and without a defence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from .estimates import Estimate, estimate
from .groups import Comparison, Group, Recorded, diverged, facts, named_parts
from .paired import UNDEFENDED, pairs

DESCENT = 0.9  # the level, as a share of the twin's way from its first to its last train loss
Clock = Literal["arrivals", "step"]  # the unit of a slowdown: delivered gradients, or updates of the model
# Keys in which a server and its twin may differ. f still counts where a part of the server takes it.
ATTACK = ("attack", "knowledge", "f")
FILTERS = ("aggregator/filters", "aggregator.filters")


@dataclass(frozen=True)
class Crossing:
    """When a curve first reached a level."""

    at: float
    censored: str = ""  # `at` is only a bound. "<": by the first evaluation after the start; ">": not by the end


def crossing(run: Recorded, level: float, clock: Clock = "arrivals") -> Crossing | None:
    """When the train loss first reached the level. Between two evaluations the logarithm of the loss is interpolated
    linearly (the loss itself, if it is not positive throughout). None: the run was not evaluated."""
    rows = run.metrics.select(clock, "train_loss").drop_nulls().filter(pl.col("train_loss").is_finite())
    if rows.is_empty():
        return None
    x, y = rows[clock].to_numpy().astype(float), rows["train_loss"].to_numpy()
    below = np.flatnonzero(y <= level)
    if not len(below):
        return Crossing(float(x[-1]), ">")
    index = int(below[0])
    if index < 2:
        # Before the first evaluation after the start, an interpolation would be a guess.
        return Crossing(float(x[min(1, len(x) - 1)]), "<")
    before, after = y[index - 1], y[index]
    if y.min() > 0:
        before, after, level = math.log(before), math.log(after), math.log(level)
    return Crossing(float(x[index - 1] + (before - level) / (before - after) * (x[index] - x[index - 1])))


def slowdown(group: Group, reference: Group, clock: Clock = "arrivals") -> Estimate:
    """The slowdown as a factor: the geometric mean over the seeds of a ratio of arrivals (or updates: "step"). They are
    counted until the train loss has come 90 % of the twin's way, and divided by those of the twin.

    If a seed is censored (see `Crossing`), the result is a bound; NaN if the bounds contradict each other.
    """
    logs, bounds = [], set()
    for run, other in pairs(group, reference):
        losses = other.metrics["train_loss"].drop_nulls()
        if diverged(other) or len(losses) < 2 or not losses[-1] < losses[0]:
            continue  # a twin that does not learn gives no level
        level = float(losses[0] - DESCENT * (losses[0] - losses[-1]))
        own, base = crossing(run, level, clock), crossing(other, level, clock)
        if own is None or base is None or not own.at or not base.at:
            continue
        if diverged(run) and own.censored == ">":
            logs.append(math.inf)
            continue
        bounds |= {own.censored, {"<": ">", ">": "<", "": ""}[base.censored]} - {""}
        logs.append(math.log(own.at / base.at))
    spread = estimate(logs)
    middle = float(np.mean(logs)) if logs else math.nan
    if len(bounds) > 1:
        return Estimate(math.nan, math.nan, math.nan, spread.count)
    factor, low, high = (math.exp(value) for value in (middle, spread.low, spread.high))
    return Estimate(factor, low, high, spread.count, spread.lost, "".join(bounds))


@dataclass(frozen=True)
class Twins:
    """The twins of each group of a comparison: the same server without attack and filters, and `asgd` without attack.
    None: the comparison has no such group."""

    unfiltered: tuple[Group | None, ...]
    asgd: tuple[Group | None, ...]


def twins(comparison: Comparison) -> Twins:
    """The twins of each group. All settings have to agree, also those that the labels leave out."""
    unfiltered: dict[frozenset[object], Group] = {}
    asgd: dict[frozenset[object], Group] = {}
    described = [facts(group.runs[0]) for group in comparison.groups]
    for group, facts_of_group in zip(comparison.groups, described, strict=True):
        if facts_of_group.get("attack") == "none":
            if not named_parts(group.runs[0], "filters"):
                unfiltered.setdefault(_less(facts_of_group, *ATTACK, *FILTERS), group)
            if facts_of_group.get("aggregator") == UNDEFENDED:
                asgd.setdefault(_less(facts_of_group, *ATTACK, "aggregator"), group)
    return Twins(
        tuple(
            _another(group, unfiltered.get(_less(facts_of_group, *ATTACK, *FILTERS)))
            for group, facts_of_group in zip(comparison.groups, described, strict=True)
        ),
        tuple(
            _another(group, asgd.get(_less(facts_of_group, *ATTACK, "aggregator")))
            for group, facts_of_group in zip(comparison.groups, described, strict=True)
        ),
    )


def _another(group: Group, twin: Group | None) -> Group | None:
    return None if twin is group else twin


def _less(values: Mapping[str, object], *left_out: str) -> frozenset[object]:
    """The facts without those at and below these keys."""
    starts = tuple(f"{key}{mark}" for key in left_out for mark in "./")
    return frozenset(
        (key, str(value)) for key, value in values.items() if key not in left_out and not key.startswith(starts)
    )
