"""The dataset `breast_cancer`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from byzsgd.datasets.tables import check_shares, classes_data, of_scikit_learn
from byzsgd.interfaces import Data, ModelFactory, Split


@dataclass(frozen=True, kw_only=True)
class BreastCancer:
    """569 tumours by 30 measurements, standardised on the training data, 2 classes; inside scikit-learn.

    Wolberg, Mangasarian, Street: Breast cancer Wisconsin (diagnostic) (UCI machine learning repository, 1995).

    The splits are drawn at random: there is no official one.
    """

    test_share: float
    validation_share: float
    trusted: int
    download: bool  # nothing to download
    model: ModelFactory

    def __post_init__(self) -> None:
        check_shares(
            "dataset breast_cancer",
            test_share=self.test_share,
            validation_share=self.validation_share,
            trusted=self.trusted,
        )

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        inputs, labels = of_scikit_learn("breast_cancer")
        return classes_data(
            "dataset breast_cancer",
            Split(torch.from_numpy(inputs), torch.from_numpy(labels)),
            ["malignant", "benign"],
            rng,
            test_share=self.test_share,
            validation_share=self.validation_share,
            trusted=self.trusted,
            standardise=True,
        )
