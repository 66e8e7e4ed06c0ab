from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .staleness_law import StalenessLaw


@dataclass(frozen=True, kw_only=True)
class StalenessUniform(StalenessLaw):
    """Prescribed staleness: τ uniform on 0 … `max`.

    Zeno++ uses 5 … 20 (Xie, Koyejo, Gupta; ICML 2020, arXiv 1903.07020), FedAsync 4 and 16 (Xie, Koyejo, Gupta;
    arXiv 1903.03934), AFLGuard 10 (Fang, Liu, Gong, Bentley; ACSAC 2022, arXiv 2212.06325).
    """

    def __post_init__(self) -> None:
        self.check_max()

    def at_most(self, staleness: np.ndarray) -> np.ndarray:
        return (staleness + 1.0) / (self.max + 1.0)
