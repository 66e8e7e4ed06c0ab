"""Dampings: the weight Λ of a stale vector."""

from byzsgd.aggregators.dampings.ada_delay import ada_delay as ada_delay
from byzsgd.aggregators.dampings.delay_adaptive import delay_adaptive as delay_adaptive
from byzsgd.aggregators.dampings.exponential import exponential as exponential
from byzsgd.aggregators.dampings.hinge import hinge as hinge
from byzsgd.aggregators.dampings.inverse import inverse as inverse
from byzsgd.aggregators.dampings.none import none as none
from byzsgd.aggregators.dampings.polynomial import polynomial as polynomial
from byzsgd.aggregators.dampings.reciprocal import reciprocal as reciprocal
from byzsgd.aggregators.dampings.root_exponential import root_exponential as root_exponential
