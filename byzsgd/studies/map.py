"""The map of the field: servers and attacks, with the worst case of every server."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, Results
from .under_attack import resilience, table_of_attacks

CLAIMED = ()  # there is no published number


def findings(results: Results) -> Iterator[Finding]:
    yield from resilience(results, CLAIMED)


figures = table_of_attacks
