"""Models: factories (shape of one input, outputs) -> plain `nn.Module`, initialised from torch's generator."""

from byzsgd.models.linear import linear as linear
from byzsgd.models.logistic_regression import logistic_regression as logistic_regression
from byzsgd.models.mlp import mlp as mlp
