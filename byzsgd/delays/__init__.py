"""Laws of delays: the seconds of jobs, and prescribed staleness."""

from .constant import Constant as constant
from .exponential import Exponential as exponential
from .gamma import Gamma as gamma
from .link import Link as link
from .lognormal import Lognormal as lognormal
from .markov import Markov as markov
from .normal import Normal as normal
from .pareto import Pareto as pareto
from .shifted_exponential import ShiftedExponential as shifted_exponential
from .staleness_constant import StalenessConstant as staleness_constant
from .staleness_geometric import StalenessGeometric as staleness_geometric
from .staleness_normal import StalenessNormal as staleness_normal
from .staleness_uniform import StalenessUniform as staleness_uniform
from .trace import Trace as trace
from .two_speed import TwoSpeed as two_speed
from .uniform import Uniform as uniform
from .weibull import Weibull as weibull
