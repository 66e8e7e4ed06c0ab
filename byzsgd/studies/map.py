"""The map of the field: servers and attacks, with the worst case of every server."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding, Found
from .under_attack import resilience, table_of_attacks

CLAIMED = ()  # nobody has claimed a number


def findings(found: Found) -> Iterator[Finding]:
    yield from resilience(found, CLAIMED)


figures = table_of_attacks
