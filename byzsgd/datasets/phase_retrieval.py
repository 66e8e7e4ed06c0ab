"""The dataset `phase_retrieval`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from byzsgd.checks import require
from byzsgd.interfaces import Data, ModelFactory, Split


@dataclass(frozen=True, kw_only=True)
class PhaseRetrieval:
    """F(x) = (1/2n) Σ (⟨a_i, x⟩² − ⟨a_i, x°⟩²)², a_i ~ N(0, I), ‖x°‖ = 1: not convex, yet its minima are known.

    Candès, Li, Soltanolkotabi: Phase retrieval via Wirtinger flow (IEEE Trans. Inf. Theory, 2015), arXiv:1407.1065; the
    real case.

    The minima are x° and −x°, both with loss 0 (`distance_to_optimum` is the distance to x°). 0 is a stationary point;
    the model does not start there. The targets are computed from the stored inputs in double precision, so the loss at
    x° is only the error of rounding.
    """

    instance: int
    n: int
    d: int
    test: int
    trusted: int
    download: bool  # nothing to download
    model: ModelFactory

    def __post_init__(self) -> None:
        who = "dataset phase_retrieval"
        require(min(self.n, self.d, self.test) >= 1, who, "n, d, test >= 1", n=self.n, d=self.d, test=self.test)
        require(self.instance >= 0, who, "instance >= 0", instance=self.instance)
        require(self.trusted >= 0, who, "trusted >= 0", trusted=self.trusted)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        own = np.random.default_rng(self.instance)  # not the run's: all seeds share one problem
        signal = own.standard_normal(self.d)
        signal /= np.linalg.norm(signal)
        optimum = torch.from_numpy(signal)
        sizes = {"train": self.n, "validation": 0, "test": self.test, "trusted": self.trusted}
        splits = {}
        for name, size in sizes.items():
            inputs = torch.from_numpy(own.standard_normal((size, self.d))).float()
            splits[name] = Split(inputs, (inputs.double() @ optimum).square().unsqueeze(1))
        return Data(
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            trusted=splits["trusted"],
            num_classes=0,
            outputs=1,
            loss="half_squared_error",
            optimum=optimum,
        )
