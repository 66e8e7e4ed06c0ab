from __future__ import annotations

from byzsgd.graphs.edges import Fixed, joined


def star() -> Fixed:
    """Node 0 is the neighbour of all other nodes, and there are no other edges."""
    return Fixed(lambda n: joined(n, ((0, node) for node in range(1, n))))
