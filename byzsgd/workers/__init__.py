"""Worker rules: what a worker computes and sends."""

from byzsgd.workers.clipped import Clipped as clipped
from byzsgd.workers.delta import Delta as delta
from byzsgd.workers.gradient import Gradient as gradient
from byzsgd.workers.local_steps import LocalSGD as local_steps
from byzsgd.workers.momentum import Momentum as momentum
from byzsgd.workers.private import Private as private
from byzsgd.workers.storm import Storm as storm
