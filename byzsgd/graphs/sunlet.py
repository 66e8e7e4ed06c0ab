from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import Fixed, joined


def sunlet(*, ring: int) -> Fixed:
    """A ring of the first `ring` nodes; every further node j is a leaf of node j mod `ring`.

    With ring = 5, 16 nodes and liars on all leaves it is the broken majority of He, Karimireddy, Jaggi (2022, arXiv
    2202.01545): an honest node has two honest neighbours and two liars, node 0 three. With 15 nodes every majority is
    honest.
    """
    require(ring >= 3, "the graph sunlet", "ring >= 3", ring=ring)

    def graph(num_workers: int) -> np.ndarray:
        require(num_workers >= ring, "the graph sunlet", "at least as many nodes as its ring", num_workers=num_workers,
                ring=ring)  # fmt: skip
        around = [(node, (node + 1) % ring) for node in range(ring)]
        return joined(num_workers, around + [(leaf % ring, leaf) for leaf in range(ring, num_workers)])

    return Fixed(graph)
