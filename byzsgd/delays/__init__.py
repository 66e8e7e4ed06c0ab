"""Laws of time: seconds of jobs, prescribed staleness, slow workers, absent workers, workers that lie about time."""

from .always import Always as always
from .constant import Constant as constant
from .equal import Equal as equal
from .exponential import Exponential as exponential
from .linear import Linear as linear
from .normal import Normal as normal
from .same import Same as same
from .staleness_normal import StalenessNormal as staleness_normal
