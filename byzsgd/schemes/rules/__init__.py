"""Rules of a node: its own model (d,), those received (k, d) and their weights (k,) -> its next model (d,)."""

from .mean import mean as mean
