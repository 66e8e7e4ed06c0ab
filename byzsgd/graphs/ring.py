from __future__ import annotations

from byzsgd.graphs.edges import Fixed, joined


def ring() -> Fixed:
    """i is a neighbour of i ± 1 mod n; two nodes share one edge. With Metropolis weights ρ = ⅓ + ⅔·cos(2π/n)."""
    return Fixed(lambda n: joined(n, ((node, (node + 1) % n) for node in range(n))))
