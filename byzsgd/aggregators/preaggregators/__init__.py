"""What is done to the rows before a rule: (k, d) -> (k', d), pure functions of the rows."""

from .arc import arc as arc
from .bucketing import bucketing as bucketing
from .clipping import clipping as clipping
from .nnm import nnm as nnm
