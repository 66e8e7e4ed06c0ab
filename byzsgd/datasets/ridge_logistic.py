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
class RidgeLogistic(Drawn):
    """F(x) = (1/n) Σ log(1 + exp(−y_i⟨a_i, x⟩)) + ½ ridge·‖x‖², a_i ~ N(0, I/d), y = ±1 with logistic odds ⟨a, x°⟩.

    x° ~ N(0, signal² I). The optimum comes from SciPy's trust-region solver. It takes milliseconds, so it is not
    stored. L = λ_max(AᵀA)/4n + ridge and μ = ridge. An example is stored as y_i·a_i, since F depends on nothing else.
    """

    who: ClassVar[str] = "dataset ridge_logistic"

    ridge: float
    signal: float

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.ridge > 0, self.who, "ridge > 0", ridge=self.ridge)
        require(self.signal >= 0, self.who, "signal >= 0", signal=self.signal)

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        own = np.random.default_rng(self.instance)  # not the run's: all seeds share one problem
        truth = self.signal * own.standard_normal(self.d)
        splits = {name: self._draw(size, truth, own) for name, size in self.sizes.items()}
        rows = splits["train"].inputs.double().numpy()
        return self.data(
            splits,
            "output",
            torch.from_numpy(self._solve(rows)),
            smoothness=float(np.linalg.eigvalsh(rows.T @ rows / self.n)[-1]) / 4 + self.ridge,
            strong_convexity=self.ridge,
        )

    def _draw(self, size: int, truth: np.ndarray, rng: np.random.Generator) -> Split:
        rows = rng.standard_normal((size, self.d)) / np.sqrt(self.d)
        signs = np.where(rng.random(size) < 1 / (1 + np.exp(-rows @ truth)), 1.0, -1.0)
        return Split(torch.from_numpy(signs[:, None] * rows).float(), torch.zeros(size))

    def _solve(self, rows: np.ndarray) -> np.ndarray:
        from scipy.optimize import minimize
        from scipy.special import expit

        def loss(x: np.ndarray) -> float:
            return float(np.logaddexp(0.0, -rows @ x).mean() + 0.5 * self.ridge * x @ x)

        def gradient(x: np.ndarray) -> np.ndarray:
            return np.asarray(-rows.T @ expit(-rows @ x) / len(rows) + self.ridge * x)

        def hessian(x: np.ndarray) -> np.ndarray:
            odds = expit(rows @ x)
            return np.asarray((rows.T * (odds * (1 - odds))) @ rows / len(rows) + self.ridge * np.eye(self.d))

        x: np.ndarray = minimize(loss, np.zeros(self.d), jac=gradient, hess=hessian, method="trust-exact",
                                 options={"gtol": 1e-6}).x  # fmt: skip
        for _ in range(3):  # further Newton steps: near the optimum differences of losses are below rounding
            x = x - np.linalg.solve(hessian(x), gradient(x))
        return x
