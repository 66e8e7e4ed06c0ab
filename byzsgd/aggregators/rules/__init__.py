"""Aggregation rules: (k, d) -> (d,), pure functions of the rows."""

from .bulyan import bulyan as bulyan
from .krum import krum as krum
from .meamed import meamed as meamed
from .mean import mean as mean
from .median import median as median
from .multi_krum import multi_krum as multi_krum
from .phocas import phocas as phocas
from .sum import sum as sum
from .trimmed_mean import trimmed_mean as trimmed_mean
