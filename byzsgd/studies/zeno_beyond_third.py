"""Zeno++ with up to eight liars of ten."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, Results
from .under_attack import resilience, table_of_attacks

CLAIMED = ("zeno_pp",)


def findings(results: Results) -> Iterator[Finding]:
    yield from resilience(results, CLAIMED)


figures = table_of_attacks
