"""Mixing weights: how much of each neighbour's model a node takes."""

from .discounted import discounted as discounted
from .max_degree import max_degree as max_degree
from .metropolis import metropolis as metropolis
from .spectrum import least_eigenvalue as least_eigenvalue
from .spectrum import spectral_gap as spectral_gap
from .uniform import uniform as uniform
