"""Filters: they accept or refuse single arrivals, each under its own name."""

from byzsgd.aggregators.filters.frequency import Frequency as frequency
from byzsgd.aggregators.filters.lipschitz import Lipschitz as lipschitz
