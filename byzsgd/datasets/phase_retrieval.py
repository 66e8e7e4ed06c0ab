from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from byzsgd.datasets.drawn import Drawn
from byzsgd.interfaces import Data, Split


@dataclass(frozen=True, kw_only=True)
class PhaseRetrieval(Drawn):
    """F(x) = (1/2n) Σ (⟨a_i, x⟩² − ⟨a_i, x°⟩²)², a_i ~ N(0, I), ‖x°‖ = 1: not convex, yet its minima are known.

    Candès, Li, Soltanolkotabi: Phase retrieval via Wirtinger flow (IEEE Trans. Inf. Theory, 2015), arXiv:1407.1065; the
    real case.

    The minima are x° and −x°, both with loss 0 (`distance_to_optimum` is the distance to x°). 0 is a stationary point;
    the model does not start there. The targets are computed from the stored inputs in double precision, so the loss at
    x° is only the error of rounding.
    """

    who: ClassVar[str] = "dataset phase_retrieval"

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        own = np.random.default_rng(self.instance)  # not the run's: all seeds share one problem
        signal = own.standard_normal(self.d)
        signal /= np.linalg.norm(signal)
        optimum = torch.from_numpy(signal)
        splits = {}
        for name, size in self.sizes.items():
            inputs = torch.from_numpy(own.standard_normal((size, self.d))).float()
            splits[name] = Split(inputs, (inputs.double() @ optimum).square().unsqueeze(1))
        return self.data(splits, "half_squared_error", optimum)
