"""Models: factories (shape of one input, outputs) -> plain `nn.Module`, initialised from torch's generator."""

from byzsgd.models.kardam_cifar100 import kardam_cifar100 as kardam_cifar100
from byzsgd.models.kardam_emnist import kardam_emnist as kardam_emnist
from byzsgd.models.linear import linear as linear
from byzsgd.models.logistic_regression import logistic_regression as logistic_regression
from byzsgd.models.mlp import mlp as mlp
