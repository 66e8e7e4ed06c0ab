"""Graphs: which nodes are neighbours. A member called with n returns an (n, n) array of booleans, symmetric and false
on its diagonal."""

from .barbell import barbell as barbell
from .chain import chain as chain
from .complete import complete as complete
from .dumbbell import dumbbell as dumbbell
from .erdos_renyi import ErdosRenyi as erdos_renyi
from .exponential import exponential as exponential
from .file import File as file
from .matching import Matching as matching
from .ring import ring as ring
from .star import star as star
from .sunlet import sunlet as sunlet
from .torus import torus as torus
