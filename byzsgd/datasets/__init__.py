"""Datasets: frozen settings that `load` splits, checks and normalises into memory."""

from byzsgd.datasets.digits import Digits as digits
from byzsgd.datasets.least_squares import LeastSquares as least_squares
