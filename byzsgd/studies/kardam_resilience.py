"""Whether Kardam learns with up to a third of liars."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, Found
from .under_attack import resilience, table_of_attacks

CLAIMED = ("kardam", "kardam_author")


def findings(found: Found) -> Iterator[Finding]:
    yield from resilience(found, CLAIMED)


figures = table_of_attacks
