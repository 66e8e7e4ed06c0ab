"""Codes: redundant work of the workers, so that the server can do without stragglers and correct lies. Pure functions
of arrays."""

from byzsgd.codes.auto import Auto as auto
from byzsgd.codes.cyclic import Cyclic as cyclic
from byzsgd.codes.cyclic_mds import CyclicMds as cyclic_mds
from byzsgd.codes.decoding import decode
from byzsgd.codes.detox import Detox as detox
from byzsgd.codes.draco_cyclic import DracoCyclic as draco_cyclic
from byzsgd.codes.draco_repetition import DracoRepetition as draco_repetition
from byzsgd.codes.fractional_repetition import FractionalRepetition as fractional_repetition
from byzsgd.codes.tree import Tree as tree
from byzsgd.codes.uncoded import Uncoded as none
from byzsgd.codes.voting import vote
