"""Exchanges: what passes between neighbours in a round."""

from .choco import Choco as choco
from .deep_squeeze import DeepSqueeze as deep_squeeze
from .difference import Difference as difference
from .moniqua import Moniqua as moniqua
from .plain import Plain as plain
