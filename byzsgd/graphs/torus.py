from __future__ import annotations

import numpy as np

from byzsgd.checks import require
from byzsgd.graphs.edges import Fixed, joined


def torus(*, rows: int) -> Fixed:
    """A grid of `rows` rows, wrapped at its edges. A node has four neighbours, or fewer if two of them coincide.

    Node i is in row ⌊i/columns⌋; n must be a multiple of `rows`.
    """
    require(rows >= 1, "the graph torus", "rows >= 1", rows=rows)

    def graph(num_workers: int) -> np.ndarray:
        require(num_workers % rows == 0, "the graph torus", "a number of nodes that rows divides",
                num_workers=num_workers, rows=rows)  # fmt: skip
        grid = np.arange(num_workers).reshape(rows, -1)
        down, right = np.roll(grid, -1, axis=0), np.roll(grid, -1, axis=1)
        pairs = [(int(i), int(j)) for other in (down, right) for i, j in zip(grid.flat, other.flat, strict=True)]
        return joined(num_workers, pairs)

    return Fixed(graph)
