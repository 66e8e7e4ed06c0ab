from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from byzsgd.datasets.tables import Table, of_scikit_learn
from byzsgd.interfaces import Data, Split


@dataclass(frozen=True, kw_only=True)
class Wine(Table):
    """178 wines by 13 measurements, standardised on the training data, 3 classes; inside scikit-learn.

    Aeberhard, Forina: Wine (UCI machine learning repository, 1992).

    The splits are drawn at random: there is no official one. Since there are few examples, few of them are trusted.
    """

    who: ClassVar[str] = "dataset wine"

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        inputs, labels = of_scikit_learn("wine_data")
        examples = Split(torch.from_numpy(inputs), torch.from_numpy(labels))
        return self.data(examples, ["class_0", "class_1", "class_2"], rng, standardise=True)
