"""What became of one run, as a few numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from byzsgd.records.judged import JUDGES, judge

from .groups import Recorded, diverged, named_parts


@dataclass(frozen=True)
class FilterRates:
    """Mistakes of one filter on the vectors that it was asked about; NaN where it was asked about none."""

    false_positive: float  # honest vectors that it refused
    false_negative: float  # Byzantine vectors that it let pass


def final(run: Recorded, metric: str = "test_accuracy") -> float:
    """The last evaluation; a diverged run has accuracy 0 there. NaN where the run has none."""
    if metric not in run.metrics.columns:
        return math.nan
    values = run.metrics[metric].drop_nulls()
    return float(values[-1]) if len(values) else math.nan


def worst(metric: str) -> float:
    """What a run is worth that diverged: less than any accuracy, more than any loss."""
    return -math.inf if metric.endswith("accuracy") else math.inf


def outcome(run: Recorded, metric: str = "test_accuracy", last: int = 1) -> float:
    """What a run is compared by: the mean of its last evaluations, `worst` where it diverged. NaN: it has none."""
    if diverged(run):
        return worst(metric)
    if last == 1 or metric not in run.metrics.columns:
        return final(run, metric)
    values = run.metrics[metric].drop_nulls().tail(last)
    return float(values.mean()) if len(values) else math.nan  # type: ignore[arg-type]


def measure_of(runs: Sequence[Recorded]) -> str:
    """The metric that these runs are judged by together: accuracy, or the loss where no problem of theirs knows one."""
    return judge({name for name in JUDGES for run in runs if _knows(run, name)})


def judged_by(run: Recorded) -> str:
    """The metric that one run is judged by."""
    return measure_of([run])


def _knows(run: Recorded, metric: str) -> bool:
    return metric in run.metrics.columns and bool(run.metrics[metric].cast(pl.Float64).is_finite().any())


def at_best_validation(run: Recorded, metric: str = "accuracy") -> float:
    """On the test split (`accuracy` or `loss`), at the first evaluation that is best on the validation split; NaN where
    that was not measured. The best on the test split itself would be a choice made with the test's answers."""
    told, asked = f"validation_{metric}", f"test_{metric}"
    if not {told, asked} <= set(run.metrics.columns):
        return math.nan
    rows = run.metrics.filter(pl.col(told).is_finite())
    if rows.is_empty():
        return math.nan
    at = rows[told].arg_max() if metric == "accuracy" else rows[told].arg_min()
    assert at is not None
    return float(rows[asked][at])


def objective(run: Recorded) -> float:
    """What a sweeper that optimises is told, the more the better: the final validation accuracy, else minus the final
    validation loss; -inf for a run that diverged, NaN where there is no validation split."""
    if math.isnan(value := final(run, "validation_accuracy")):
        value = -final(run, "validation_loss")
    return -math.inf if diverged(run) else value


def accepted(run: Recorded, *, byzantine: bool) -> float:
    """Share of the honest (or the Byzantine) vectors that were accepted; NaN where none arrived."""
    rows = run.arrivals.filter(pl.col("byzantine") == byzantine)
    return math.nan if rows.is_empty() else float(rows["accepted"].mean())  # type: ignore[arg-type]


def may_refuse(run: Recorded) -> bool:
    """Whether the server refused a vector, or has a filter that could have."""
    return bool(named_parts(run, "filters")) or not run.arrivals["accepted"].all()


def byzantine_share(run: Recorded) -> float:
    """λ: the Byzantine share of all deliveries, which is not num_byzantine/num_workers when liars are fast or slow."""
    return math.nan if run.arrivals.is_empty() else float(run.arrivals["byzantine"].mean())  # type: ignore[arg-type]


def filter_rates(run: Recorded) -> Mapping[str, FilterRates]:
    """Mistakes of each filter. Filters are asked in the order of the configuration until one refuses."""
    if run.arrivals.is_empty():
        return {}
    names = named_parts(run, "filters")
    met = run.arrivals.filter(~pl.col("accepted"))["reason"].unique(maintain_order=True).to_list()
    rates = {}
    asked = run.arrivals
    for name in [*names, *(reason for reason in met if reason not in names)]:
        refused = pl.col("reason") == name
        honest, liars = asked.filter(~pl.col("byzantine")), asked.filter(pl.col("byzantine"))
        rates[name] = FilterRates(
            math.nan if honest.is_empty() else len(honest.filter(refused)) / len(honest),
            math.nan if liars.is_empty() else 1 - len(liars.filter(refused)) / len(liars),
        )
        asked = asked.filter(~refused)
    return rates


def staleness(run: Recorded) -> tuple[float, float]:
    """Mean and largest staleness of the delivered vectors."""
    if run.arrivals.is_empty():
        return math.nan, math.nan
    ages = run.arrivals["staleness"]
    return float(ages.mean()), float(ages.max())  # type: ignore[arg-type]
