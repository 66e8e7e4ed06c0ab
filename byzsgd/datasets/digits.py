from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from byzsgd.datasets.tables import Table, of_scikit_learn
from byzsgd.interfaces import Data, Split


@dataclass(frozen=True, kw_only=True)
class Digits(Table):
    """1797 handwritten digits of 8×8 pixels, flat (64,) in [0, 1], 10 classes; inside scikit-learn, no file needed.

    Alpaydin, Kaynak: Optical recognition of handwritten digits (UCI machine learning repository, 1998), its test part.

    The splits are drawn at random: there is no official one.
    """

    who: ClassVar[str] = "dataset digits"

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        images, labels = of_scikit_learn("digits")
        examples = Split(torch.from_numpy(images / 16.0).float(), torch.from_numpy(labels))
        return self.data(examples, [str(digit) for digit in range(10)], rng, standardise=False)
