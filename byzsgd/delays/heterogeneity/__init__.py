"""Laws of heterogeneity: the factor by which each worker is slower than the law of its delay."""

from .dirichlet import Dirichlet as dirichlet
from .equal import Equal as equal
from .linear import Linear as linear
from .listed import Listed as listed
from .lognormal import Lognormal as lognormal
from .rates import Rates as rates
from .sqrt import Sqrt as sqrt
from .square import Square as square
from .stragglers import Stragglers as stragglers
