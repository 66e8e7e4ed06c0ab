"""Collectors: when there is a step, and from which vectors."""

from byzsgd.aggregators.collectors.buckets import Buckets as buckets
from byzsgd.aggregators.collectors.buffer import Buffer as buffer
from byzsgd.aggregators.collectors.every import Every as every
from byzsgd.aggregators.collectors.latest import Latest as latest
from byzsgd.aggregators.collectors.round import Round as round
from byzsgd.aggregators.collectors.sample import Sample as sample
