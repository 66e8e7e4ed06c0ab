"""Laws of availability: when workers are there, and what that costs."""

from .always import Always as always
from .bernoulli import Bernoulli as bernoulli
from .crash import Crash as crash
from .periodic import Periodic as periodic
from .preemptible import Preemptible as preemptible
from .spot import Spot as spot
from .trace import Trace as trace
