"""The dataset `least_squares`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from byzsgd.checks import require
from byzsgd.interfaces import Data, ModelFactory, Split


@dataclass(frozen=True, kw_only=True)
class LeastSquares:
    """F(x) = ‖Ax − b‖² / 2n with A ~ U[0, 1)/√d of shape (n, d) and b = A x° + noise·N(0, I), x° ~ N(0, I).

    With n = 10⁴, d = 400 and no noise: the problem of Otsuka, Takezawa, Meyer, Koloskova, Yamada, THROTTLE (preprint,
    2026).

    The optimum is known in closed form (normal equations in double precision), and so are L = λ_max(AᵀA/n) and
    μ = λ_min. The test and trusted examples are drawn from the same law, in addition to the n of F. `instance` is the
    seed of the draw; the run's seed has no influence.
    """

    instance: int
    n: int
    d: int
    noise: float
    test: int
    trusted: int
    download: bool  # nothing to download
    model: ModelFactory

    def __post_init__(self) -> None:
        require(self.n >= self.d >= 1, "dataset least_squares", "n >= d >= 1", n=self.n, d=self.d)
        require(self.noise >= 0.0, "dataset least_squares", "noise >= 0", noise=self.noise)
        require(self.test >= 1, "dataset least_squares", "test >= 1", test=self.test)
        require(self.instance >= 0, "dataset least_squares", "instance >= 0", instance=self.instance)
        require(self.trusted >= 0, "dataset least_squares", "trusted >= 0", trusted=self.trusted)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        own = np.random.default_rng(self.instance)  # not the run's: all seeds share one problem
        signal = own.standard_normal(self.d)
        sizes = {"train": self.n, "validation": 0, "test": self.test, "trusted": self.trusted}
        splits = {name: self._draw(size, signal, own) for name, size in sizes.items()}
        inputs, targets = splits["train"].inputs.double(), splits["train"].targets.double()
        # The optimum of the stored data: they are rounded to single precision, which also moves the optimum.
        hessian = inputs.T @ inputs / self.n
        eigenvalues = torch.linalg.eigvalsh(hessian)
        factor = torch.linalg.cholesky(hessian)
        optimum = torch.zeros(self.d, 1, dtype=torch.float64)
        for _ in range(3):  # the second and third solve refine the first
            optimum += torch.cholesky_solve(inputs.T @ (targets - inputs @ optimum) / self.n, factor)
        return Data(
            train=splits["train"],
            validation=splits["validation"],
            test=splits["test"],
            trusted=splits["trusted"],
            num_classes=0,
            outputs=1,
            loss="half_squared_error",
            optimum=optimum.squeeze(1),
            smoothness=float(eigenvalues[-1]),
            strong_convexity=float(eigenvalues[0]),
        )

    def _draw(self, size: int, signal: np.ndarray, rng: np.random.Generator) -> Split:
        inputs = rng.random((size, self.d)) / np.sqrt(self.d)
        targets = inputs @ signal + self.noise * rng.standard_normal(size)
        return Split(torch.from_numpy(inputs).float(), torch.from_numpy(targets).float().unsqueeze(1))
