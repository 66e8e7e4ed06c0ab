from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from byzsgd.checks import require
from byzsgd.datasets.drawn import Drawn
from byzsgd.interfaces import Data, Split


@dataclass(frozen=True, kw_only=True)
class Quadratic(Drawn):
    """F(x) = ½ Σ h_j (x_j − x*_j)² + constant, with spectrum h from μ to L in geometric steps and x* ~ N(0, I).

    Example i is ½ Σ h_j (x_j − c_ij)² with c_i = x* + noise·N(0, I)/h. Its gradient is that of F plus noise·N(0, I).
    The noise is centred exactly over the training data, so that x* (stored in single precision) is the optimum.
    """

    who: ClassVar[str] = "dataset quadratic"

    strong_convexity: float  # μ
    smoothness: float  # L
    noise: float

    def __post_init__(self) -> None:
        super().__post_init__()
        ordered = 0 < self.strong_convexity <= self.smoothness < float("inf")
        require(ordered, self.who, "0 < strong_convexity <= smoothness < inf", strong_convexity=self.strong_convexity,
                smoothness=self.smoothness)  # fmt: skip
        require(self.noise >= 0, self.who, "noise >= 0", noise=self.noise)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        own = np.random.default_rng(self.instance)  # not the run's: all seeds share one problem
        spectrum = np.geomspace(self.strong_convexity, self.smoothness, self.d)
        optimum = own.standard_normal(self.d)
        splits = {}
        for name, size in self.sizes.items():
            noise = own.standard_normal((size, self.d))
            noise -= noise.mean(axis=0, keepdims=True) if name == "train" else 0.0
            centres = torch.from_numpy(optimum + self.noise * noise / spectrum).float()
            splits[name] = Split(centres, torch.zeros(size))
        return self.data(
            splits,
            "output",
            splits["train"].inputs.double().mean(dim=0),
            smoothness=float(spectrum[-1]),
            strong_convexity=float(spectrum[0]),
        )
