"""The outcome of one run in a few numbers: accuracy, acceptance, mistakes of filters, staleness."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from byzsgd.records.judged import JUDGES, judge

from .groups import Recorded, diverged, named_parts


@dataclass(frozen=True)
class FilterRates:
    """The mistakes of one filter, as shares of the vectors that reached it; NaN: none did."""

    false_positive: float  # honest vectors that it refused
    false_negative: float  # Byzantine vectors that it let pass


def final(run: Recorded, metric: str = "test_accuracy") -> float:
    """The metric at the last evaluation, which is accuracy 0 in a diverged run. NaN: the run has none."""
    if metric not in run.metrics.columns:
        return math.nan
    values = run.metrics[metric].drop_nulls()
    return float(values[-1]) if len(values) else math.nan


def worst(metric: str) -> float:
    """The value of a diverged run: below every accuracy, above every loss."""
    return -math.inf if metric.endswith("accuracy") else math.inf


def outcome(run: Recorded, metric: str = "test_accuracy", last: int = 1) -> float:
    """The value by which a run is compared: the mean of its last `last` evaluations; `worst` if it diverged; NaN: it
    has none."""
    if diverged(run):
        return worst(metric)
    if last == 1 or metric not in run.metrics.columns:
        return final(run, metric)
    values = run.metrics[metric].drop_nulls().tail(last)
    return float(values.mean()) if len(values) else math.nan  # type: ignore[arg-type]


def measure_of(runs: Sequence[Recorded]) -> str:
    """The metric by which these runs are judged together: accuracy, or the loss if none of their problems has one."""
    return judge({name for name in JUDGES for run in runs if _measures(run, name)})


def judged_by(run: Recorded) -> str:
    """The metric by which one run is judged."""
    return measure_of([run])


def _measures(run: Recorded, metric: str) -> bool:
    return metric in run.metrics.columns and bool(run.metrics[metric].cast(pl.Float64).is_finite().any())


def at_best_validation(run: Recorded, metric: str = "accuracy") -> float:
    """The test metric (`accuracy` or `loss`) at the first evaluation that is best on the validation split; NaN: that
    was not measured. The best evaluation on the test split itself would be chosen with the test labels."""
    validation, test = f"validation_{metric}", f"test_{metric}"
    if not {validation, test} <= set(run.metrics.columns):
        return math.nan
    rows = run.metrics.filter(pl.col(validation).is_finite())
    if rows.is_empty():
        return math.nan
    best = rows[validation].arg_max() if metric == "accuracy" else rows[validation].arg_min()
    assert best is not None
    return float(rows[test][best])


def objective(run: Recorded) -> float:
    """The objective of an optimising sweeper, to be maximised: the final validation accuracy, else minus the final
    validation loss. -inf for a diverged run; NaN without a validation split."""
    if math.isnan(value := final(run, "validation_accuracy")):
        value = -final(run, "validation_loss")
    return -math.inf if diverged(run) else value


def accepted(run: Recorded, *, byzantine: bool) -> float:
    """The share of the honest (or the Byzantine) vectors that were accepted; NaN: none arrived."""
    rows = run.arrivals.filter(pl.col("byzantine") == byzantine)
    return math.nan if rows.is_empty() else float(rows["accepted"].mean())  # type: ignore[arg-type]


def may_refuse(run: Recorded) -> bool:
    """Whether the server refused a vector, or has a filter that could refuse one."""
    return bool(named_parts(run, "filters")) or not run.arrivals["accepted"].all()


def byzantine_share(run: Recorded) -> float:
    """λ: the Byzantine share of all deliveries, which is not num_byzantine/num_workers when liars are fast or slow."""
    return math.nan if run.arrivals.is_empty() else float(run.arrivals["byzantine"].mean())  # type: ignore[arg-type]


def filter_rates(run: Recorded) -> Mapping[str, FilterRates]:
    """The mistakes of each filter. A vector passes the filters in the order of the configuration until one refuses
    it."""
    if run.arrivals.is_empty():
        return {}
    names = named_parts(run, "filters")
    reasons = run.arrivals.filter(~pl.col("accepted"))["reason"].unique(maintain_order=True).to_list()
    rates = {}
    rows = run.arrivals
    for name in [*names, *(reason for reason in reasons if reason not in names)]:
        refused = pl.col("reason") == name
        honest, liars = rows.filter(~pl.col("byzantine")), rows.filter(pl.col("byzantine"))
        rates[name] = FilterRates(
            math.nan if honest.is_empty() else len(honest.filter(refused)) / len(honest),
            math.nan if liars.is_empty() else 1 - len(liars.filter(refused)) / len(liars),
        )
        rows = rows.filter(~refused)
    return rates


def staleness(run: Recorded) -> tuple[float, float]:
    """Mean and largest staleness of the delivered vectors."""
    if run.arrivals.is_empty():
        return math.nan, math.nan
    ages = run.arrivals["staleness"]
    return float(ages.mean()), float(ages.max())  # type: ignore[arg-type]
