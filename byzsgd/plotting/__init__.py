"""Figures: pure functions of the rows that runs left behind. The only package that imports matplotlib."""

from .acceptance import acceptance as acceptance
from .bars import bars as bars
from .bits import bits as bits
from .coefficients import coefficients as coefficients
from .cost import cost as cost
from .delays import delays as delays
from .draw import AXES as AXES
from .draw import FORMATS as FORMATS
from .draw import KINDS as KINDS
from .draw import draw as draw
from .draw import drawable as drawable
from .draw import save as save
from .heatmap import heatmap as heatmap
from .iteration_time import iteration_time as iteration_time
from .network import consensus as consensus
from .network import graph as graph
from .overview import overview as overview
from .partition import partition as partition
from .progress import progress as progress
from .refusals import refusals as refusals
from .slowdown import slowdown as slowdown
from .staleness import staleness as staleness
from .timeline import timeline as timeline
from .tree import tree as tree
from .worst_case import worst_case as worst_case
