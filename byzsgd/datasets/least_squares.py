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
class LeastSquares(Drawn):
    """F(x) = ‖Ax − b‖² / 2n with A ~ U[0, 1)/√d of shape (n, d) and b = A x° + noise·N(0, I), x° ~ N(0, I).

    With n = 10⁴, d = 400 and no noise: the problem of Otsuka, Takezawa, Meyer, Koloskova, Yamada, THROTTLE (preprint,
    2026).

    The optimum is known in closed form (normal equations in double precision), and so are L = λ_max(AᵀA/n) and
    μ = λ_min. The test and trusted examples are drawn from the same law, in addition to the n of F. `instance` is the
    seed of the draw; the run's seed has no influence.
    """

    who: ClassVar[str] = "dataset least_squares"

    noise: float

    def __post_init__(self) -> None:
        require(self.n >= self.d >= 1, self.who, "n >= d >= 1", n=self.n, d=self.d)
        require(self.noise >= 0.0, self.who, "noise >= 0", noise=self.noise)
        super().__post_init__()

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        own = np.random.default_rng(self.instance)  # not the run's: all seeds share one problem
        signal = own.standard_normal(self.d)
        splits = {name: self._draw(size, signal, own) for name, size in self.sizes.items()}
        inputs, targets = splits["train"].inputs.double(), splits["train"].targets.double()
        # The optimum of the stored data: they are rounded to single precision, which also moves the optimum.
        hessian = inputs.T @ inputs / self.n
        eigenvalues = torch.linalg.eigvalsh(hessian)
        factor = torch.linalg.cholesky(hessian)
        optimum = torch.zeros(self.d, 1, dtype=torch.float64)
        for _ in range(3):  # the second and third solve refine the first
            optimum += torch.cholesky_solve(inputs.T @ (targets - inputs @ optimum) / self.n, factor)
        return self.data(
            splits,
            "half_squared_error",
            optimum.squeeze(1),
            smoothness=float(eigenvalues[-1]),
            strong_convexity=float(eigenvalues[0]),
        )

    def _draw(self, size: int, signal: np.ndarray, rng: np.random.Generator) -> Split:
        inputs = rng.random((size, self.d)) / np.sqrt(self.d)
        targets = inputs @ signal + self.noise * rng.standard_normal(size)
        return Split(torch.from_numpy(inputs).float(), torch.from_numpy(targets).float().unsqueeze(1))
