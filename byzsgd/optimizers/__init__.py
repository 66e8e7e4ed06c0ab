"""Optimizers: how a direction changes the model; schedules: how the learning rate changes."""

from byzsgd.optimizers.anytime import Anytime as anytime
from byzsgd.optimizers.schedules import constant as constant
from byzsgd.optimizers.schedules import cosine as cosine
from byzsgd.optimizers.schedules import inverse_power as inverse_power
from byzsgd.optimizers.schedules import step as step
from byzsgd.optimizers.sgd import SGD as sgd
