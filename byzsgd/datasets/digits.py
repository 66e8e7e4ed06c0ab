"""The dataset `digits`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from byzsgd.datasets.tables import check_shares, classes_data, of_scikit_learn
from byzsgd.interfaces import Data, ModelFactory, Split


@dataclass(frozen=True, kw_only=True)
class Digits:
    """1797 handwritten digits of 8×8 pixels, flat (64,) in [0, 1], 10 classes; inside scikit-learn, no file needed.

    Alpaydin, Kaynak: Optical recognition of handwritten digits (UCI machine learning repository, 1998), its test part.

    The splits are drawn at random: there is no official one.
    """

    test_share: float
    validation_share: float
    trusted: int
    download: bool  # nothing to download
    model: ModelFactory

    def __post_init__(self) -> None:
        check_shares(
            "dataset digits",
            test_share=self.test_share,
            validation_share=self.validation_share,
            trusted=self.trusted,
        )

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        images, labels = of_scikit_learn("digits")
        return classes_data(
            "dataset digits",
            Split(torch.from_numpy(images / 16.0).float(), torch.from_numpy(labels)),
            [str(digit) for digit in range(10)],
            rng,
            test_share=self.test_share,
            validation_share=self.validation_share,
            trusted=self.trusted,
            standardise=False,
        )
