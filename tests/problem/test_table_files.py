"""The tables inside scikit-learn are read as scikit-learn reads them, without importing it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

from byzsgd.datasets.tables import of_scikit_learn


@pytest.mark.parametrize(("name", "load"), [("digits", datasets.load_digits), ("wine_data", datasets.load_wine),
                                            ("breast_cancer", datasets.load_breast_cancer)])  # fmt: skip
def test_the_same_numbers(name, load):
    inputs, labels = of_scikit_learn(name)
    expected = load()
    assert np.array_equal(inputs, expected.data) and inputs.dtype == expected.data.dtype
    assert np.array_equal(labels, expected.target)
