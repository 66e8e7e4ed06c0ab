from __future__ import annotations

from byzsgd.graphs.edges import Fixed, joined


def chain() -> Fixed:
    """A line: i is a neighbour of i ± 1. The ends 0 and n − 1 are not joined."""
    return Fixed(lambda n: joined(n, ((node, node + 1) for node in range(n - 1))))
