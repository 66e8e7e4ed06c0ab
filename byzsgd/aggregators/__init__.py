"""Servers: the pipeline and those that do not fit it."""

from byzsgd.aggregators.dc_asgd import DCASGD as dc_asgd
from byzsgd.aggregators.mifa import MIFA as mifa
from byzsgd.aggregators.pipeline import Pipeline as pipeline
from byzsgd.aggregators.ringleader import Ringleader as ringleader
from byzsgd.aggregators.ringmaster_stop import RingmasterStop as ringmaster_stop
from byzsgd.aggregators.sign_vote import SignVote as sign_vote
from byzsgd.aggregators.sign_vote import vote_with_feedback as vote_with_feedback
from byzsgd.aggregators.throttle import Throttle as throttle
