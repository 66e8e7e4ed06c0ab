"""Weighted rules where arrivals are as unequal as ids, with gradients and with the workers of μ²-SGD."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, Found
from .under_attack import resilience, table_of_attacks

CLAIMED = ("weighted_median", "weighted_rfa", "median μ²", "rfa μ²")


def findings(found: Found) -> Iterator[Finding]:
    yield from resilience(found, CLAIMED)


figures = table_of_attacks
