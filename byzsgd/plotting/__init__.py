"""Figures: pure functions of the rows that runs left behind. The only package that imports matplotlib."""

from .acceptance import acceptance as acceptance
from .coefficients import coefficients as coefficients
from .draw import KINDS as KINDS
from .draw import draw as draw
from .draw import save as save
from .groups import Comparison as Comparison
from .groups import Group as Group
from .groups import NothingToDraw as NothingToDraw
from .groups import compare as compare
from .progress import progress as progress
from .staleness import staleness as staleness
