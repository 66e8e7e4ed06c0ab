"""The metric by which a run is judged. Its screen, tables, figures and pages all ask here."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Any

JUDGES = ("test_accuracy", "test_loss", "train_loss")  # the first that a problem measures


def judge(metrics: Container[str]) -> str:
    """The metric by which a run is judged, among those that were measured."""
    return next((name for name in JUDGES if name in metrics), JUDGES[-1])


def judged(row: Mapping[str, Any]) -> tuple[str, float] | None:
    """The metric by which one evaluation is judged, and its value; None: no metric is finite."""
    finite = {name: row[name] for name in JUDGES if _is_finite(row.get(name))}
    return (name := judge(finite), float(finite[name])) if finite else None


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
