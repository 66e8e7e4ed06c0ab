from __future__ import annotations

from itertools import combinations

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import Fixed, joined


def barbell(*, clique: int) -> Fixed:
    """Two complete graphs of m = `clique` nodes, 0 … m − 1 and m … 2m − 1, and a bridge, node 2m, which is a neighbour
    of nodes 0 and 2m − 1. Every further node is a leaf of node 2m.

    With clique = 5, 12 nodes and a liar on the leaf it is the bridge of He, Karimireddy, Jaggi (2022, arXiv
    2202.01545). Their `scheme/mixing=discounted` determines the weight of the liar at the bridge.
    """
    require(clique >= 2, "the graph barbell", "clique >= 2", clique=clique)
    bridge = 2 * clique

    def graph(num_workers: int) -> np.ndarray:
        require(num_workers > bridge, "the graph barbell", "more nodes than its two cliques have",
                num_workers=num_workers, clique=clique)  # fmt: skip
        edges = [*combinations(range(clique), 2), *combinations(range(clique, bridge), 2)]
        neighbours = [0, bridge - 1, *range(bridge + 1, num_workers)]
        return joined(num_workers, edges + [(bridge, node) for node in neighbours])

    return Fixed(graph)
