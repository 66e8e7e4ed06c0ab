"""The metric by which a run is judged. Its screen, tables, figures and pages all ask here."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import TypeGuard

JUDGES = ("test_accuracy", "test_loss", "train_loss")  # the first that a problem measures


def judge(metrics: Container[str]) -> str:
    """The metric by which a run is judged, among those that were measured."""
    return next((name for name in JUDGES if name in metrics), JUDGES[-1])


def judged(row: Mapping[str, object]) -> tuple[str, float] | None:
    """The metric by which one evaluation is judged, and its value; None: no metric is finite."""
    finite = {name: value for name in JUDGES if _is_finite(value := row.get(name))}
    return (name := judge(finite), float(finite[name])) if finite else None


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)
