"""Weighted rules with arrivals in proportion to the workers' ids, with gradients and with the workers of μ²-SGD."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, Results
from .under_attack import resilience, table_of_attacks

CLAIMED = ("weighted_median", "weighted_rfa", "median μ²", "rfa μ²")


def findings(results: Results) -> Iterator[Finding]:
    yield from resilience(results, CLAIMED)


figures = table_of_attacks
