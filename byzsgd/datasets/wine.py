"""The dataset `wine`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from byzsgd.datasets.tables import check_shares, classes_data, of_scikit_learn
from byzsgd.interfaces import Data, ModelFactory, Split


@dataclass(frozen=True, kw_only=True)
class Wine:
    """178 wines by 13 measurements, standardised on the training data, 3 classes; inside scikit-learn.

    Aeberhard, Forina: Wine (UCI machine learning repository, 1992).

    The splits are drawn at random: there is no official one. So few examples that fewer of them are trusted.
    """

    test_share: float
    validation_share: float
    trusted: int
    download: bool  # nothing to download
    model: ModelFactory

    def __post_init__(self) -> None:
        check_shares(
            "dataset wine",
            test_share=self.test_share,
            validation_share=self.validation_share,
            trusted=self.trusted,
        )

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        inputs, labels = of_scikit_learn("wine_data")
        return classes_data(
            "dataset wine",
            Split(torch.from_numpy(inputs), torch.from_numpy(labels)),
            ["class_0", "class_1", "class_2"],
            rng,
            test_share=self.test_share,
            validation_share=self.validation_share,
            trusted=self.trusted,
            standardise=True,
        )
