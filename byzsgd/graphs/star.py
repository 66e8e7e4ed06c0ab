"""The graph `star`."""

from __future__ import annotations

from byzsgd.graphs.edges import Fixed, joined


def star() -> Fixed:
    """Node 0 is the neighbour of everybody, and nobody else of anybody."""
    return Fixed(lambda n: joined(n, ((0, node) for node in range(1, n))))
