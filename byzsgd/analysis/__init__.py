"""Numbers from the rows of runs: groups of runs over seeds, curves with intervals, outcomes. Imports no drawing
library."""

from .curves import band as band
from .estimates import Estimate as Estimate
from .estimates import estimate as estimate
from .groups import Comparison as Comparison
from .groups import Group as Group
from .groups import NothingToDraw as NothingToDraw
from .groups import Recorded as Recorded
from .groups import as_seen as as_seen
from .groups import compare as compare
from .groups import phrase as phrase
