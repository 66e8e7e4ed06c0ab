"""Filters: they accept or refuse single arrivals, each under its own name."""

from byzsgd.aggregators.filters.afl_guard import AFLGuard as afl_guard
from byzsgd.aggregators.filters.frequency import Frequency as frequency
from byzsgd.aggregators.filters.lipschitz import Lipschitz as lipschitz
from byzsgd.aggregators.filters.max_staleness import MaxStaleness as max_staleness
from byzsgd.aggregators.filters.zeno import Zeno as zeno
