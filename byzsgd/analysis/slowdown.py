"""How much longer training takes than without a defence, and without liars."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from .estimates import Estimate, estimate
from .groups import Comparison, Group, Recorded, diverged, facts, named_parts
from .paired import UNDEFENDED, pairs

DESCENT = 0.9  # of the twin's way from its first to its last train loss: where the slowdown is read off
Clock = Literal["arrivals", "step"]  # what a way is counted in: delivered gradients, updates of the model
# What may differ between a server and its twin; f counts where a part of the server takes it.
ATTACK = ("attack", "knowledge", "f")
FILTERS = ("aggregator/filters", "aggregator.filters")


@dataclass(frozen=True)
class Crossing:
    """When a curve first reached a level, or a bound of it."""

    at: float
    censored: str = ""  # "<": before the first evaluation after the start; ">": not by the end


def crossing(run: Recorded, level: float, clock: Clock = "arrivals") -> Crossing | None:
    """When the train loss first reached the level, between two evaluations by a straight line in the logarithm of the
    loss (in the loss, where it is not positive throughout). None: the run was not evaluated."""
    rows = run.metrics.select(clock, "train_loss").drop_nulls().filter(pl.col("train_loss").is_finite())
    if rows.is_empty():
        return None
    x, y = rows[clock].to_numpy().astype(float), rows["train_loss"].to_numpy()
    below = np.flatnonzero(y <= level)
    if not len(below):
        return Crossing(float(x[-1]), ">")
    place = int(below[0])
    if place < 2:
        # Within the first stretch a straight line would be a guess.
        return Crossing(float(x[min(1, len(x) - 1)]), "<")
    before, after = y[place - 1], y[place]
    if y.min() > 0:
        before, after, level = math.log(before), math.log(after), math.log(level)
    return Crossing(float(x[place - 1] + (before - level) / (before - after) * (x[place] - x[place - 1])))


def slowdown(group: Group, reference: Group, clock: Clock = "arrivals") -> Estimate:
    """Arrivals (or updates: "step") that a run needs until its train loss has come 90 % of its twin's way, over those
    that the twin needs: the mean of the logarithms over the seeds, as a factor.

    Where some seed is censored (`Crossing`) the result is a bound, NaN where bounds contradict each other.
    """
    logs, bounds = [], set()
    for run, other in pairs(group, reference):
        losses = other.metrics["train_loss"].drop_nulls()
        if diverged(other) or len(losses) < 2 or not losses[-1] < losses[0]:
            continue  # a twin that learns nothing sets no pace
        level = float(losses[0] - DESCENT * (losses[0] - losses[-1]))
        own, base = crossing(run, level, clock), crossing(other, level, clock)
        if own is None or base is None or not own.at or not base.at:
            continue
        if diverged(run) and own.censored == ">":
            logs.append(math.inf)
            continue
        bounds |= {own.censored, {"<": ">", ">": "<", "": ""}[base.censored]} - {""}
        logs.append(math.log(own.at / base.at))
    found = estimate(logs)
    middle = float(np.mean(logs)) if logs else math.nan
    if len(bounds) > 1:
        return Estimate(math.nan, math.nan, math.nan, found.count)
    factor, low, high = (math.exp(value) for value in (middle, found.low, found.high))
    return Estimate(factor, low, high, found.count, found.lost, "".join(bounds))


@dataclass(frozen=True)
class Twins:
    """Of each group of a comparison: the same without attack and filters, and `asgd` without attack; None: absent."""

    unfiltered: tuple[Group | None, ...]
    asgd: tuple[Group | None, ...]


def twins(comparison: Comparison) -> Twins:
    """Searched by all settings, also those that the labels leave out."""
    unfiltered: dict[frozenset[Any], Group] = {}
    asgd: dict[frozenset[Any], Group] = {}
    described = [facts(group.runs[0]) for group in comparison.groups]
    for group, known in zip(comparison.groups, described, strict=True):
        if known.get("attack") == "none":
            if not named_parts(group.runs[0], "filters"):
                unfiltered.setdefault(_less(known, *ATTACK, *FILTERS), group)
            if known.get("aggregator") == UNDEFENDED:
                asgd.setdefault(_less(known, *ATTACK, "aggregator"), group)
    return Twins(
        tuple(
            _another(group, unfiltered.get(_less(known, *ATTACK, *FILTERS)))
            for group, known in zip(comparison.groups, described, strict=True)
        ),
        tuple(
            _another(group, asgd.get(_less(known, *ATTACK, "aggregator")))
            for group, known in zip(comparison.groups, described, strict=True)
        ),
    )


def _another(group: Group, found: Group | None) -> Group | None:
    return None if found is group else found


def _less(known: dict[str, object], *left_out: str) -> frozenset[object]:
    """All facts but those at and below these keys."""
    starts = tuple(f"{key}{mark}" for key in left_out for mark in "./")
    return frozenset(
        (key, str(value)) for key, value in known.items() if key not in left_out and not key.startswith(starts)
    )
