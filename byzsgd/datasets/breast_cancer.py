from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from byzsgd.datasets.tables import Table, of_scikit_learn
from byzsgd.interfaces import Data, Split


@dataclass(frozen=True, kw_only=True)
class BreastCancer(Table):
    """569 tumours by 30 measurements, standardised on the training data, 2 classes; inside scikit-learn.

    Wolberg, Mangasarian, Street: Breast cancer Wisconsin (diagnostic) (UCI machine learning repository, 1995).

    The splits are drawn at random: there is no official one.
    """

    who: ClassVar[str] = "dataset breast_cancer"

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        inputs, labels = of_scikit_learn("breast_cancer")
        examples = Split(torch.from_numpy(inputs), torch.from_numpy(labels))
        return self.data(examples, ["malignant", "benign"], rng, standardise=True)
