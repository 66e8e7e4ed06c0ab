"""Aggregation rules: (k, d) -> (d,), pure functions of the rows."""

from .krum import krum as krum
from .mean import mean as mean
from .median import median as median
from .sum import sum as sum
from .trimmed_mean import trimmed_mean as trimmed_mean
