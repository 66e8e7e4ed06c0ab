"""Rules of a node: its own model (d,), those received (k, d) and their weights (k,) -> its next model (d,)."""

from .bridge import bridge as bridge
from .bridge_median import bridge_median as bridge_median
from .clipped import clipped as clipped
from .clipped_adaptive import clipped_adaptive as clipped_adaptive
from .cs_plus import cs_plus as cs_plus
from .ios import ios as ios
from .mean import mean as mean
from .remove_farthest import remove_farthest as remove_farthest
from .rows import Rows as rows
from .ubar import ubar as ubar
