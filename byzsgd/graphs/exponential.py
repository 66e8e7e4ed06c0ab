from __future__ import annotations

import numpy as np

from byzsgd.graphs.edges import Fixed, joined


def exponential() -> Fixed:
    """i is a neighbour of i ± 2^k mod n for every 2^k < n: degree about 2·log2(n), and a large spectral gap.

    Assran, Loizou, Ballas, Rabbat: Stochastic gradient push for distributed deep learning (ICML 2019,
    arXiv 1811.10792).
    Differs: theirs is directed, i sends to i + 2^k alone.
    """

    def graph(num_workers: int) -> np.ndarray:
        hops = [2**power for power in range(max(num_workers - 1, 0).bit_length()) if 2**power < num_workers]
        return joined(num_workers, ((i, (i + hop) % num_workers) for i in range(num_workers) for hop in hops))

    return Fixed(graph)
