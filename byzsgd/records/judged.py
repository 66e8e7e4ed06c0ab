"""What a run is judged by: asked by its screen, its records, tables, figures and pages, answered here."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Any

JUDGES = ("test_accuracy", "test_loss", "train_loss")  # the first that a problem knows


def judge(known: Container[str]) -> str:
    """The metric that a run is judged by, among those that were measured."""
    return next((name for name in JUDGES if name in known), JUDGES[-1])


def judged(row: Mapping[str, Any]) -> tuple[str, float] | None:
    """Of one evaluation, the metric that it is judged by and its value; None: nothing finite was measured."""
    known = {name: row[name] for name in JUDGES if _is_finite(row.get(name))}
    return (name := judge(known), float(known[name])) if known else None


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
