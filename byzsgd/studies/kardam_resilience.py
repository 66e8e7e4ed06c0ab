"""Whether Kardam learns with up to a third of liars."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, Results
from .under_attack import resilience, table_of_attacks

CLAIMED = ("kardam", "kardam_author")


def findings(results: Results) -> Iterator[Finding]:
    yield from resilience(results, CLAIMED)


figures = table_of_attacks
