"""Models: factories (shape of one input, outputs) -> plain `nn.Module`, initialised from torch's generator."""

from byzsgd.models.char_lstm import char_lstm as char_lstm
from byzsgd.models.cnn_cifar import cnn_cifar as cnn_cifar
from byzsgd.models.kardam_cifar100 import kardam_cifar100 as kardam_cifar100
from byzsgd.models.kardam_emnist import kardam_emnist as kardam_emnist
from byzsgd.models.lenet import lenet as lenet
from byzsgd.models.linear import linear as linear
from byzsgd.models.logistic_regression import logistic_regression as logistic_regression
from byzsgd.models.mlp import mlp as mlp
from byzsgd.models.phase_retrieval import phase_retrieval as phase_retrieval
from byzsgd.models.quadratic import quadratic as quadratic
from byzsgd.models.resnet18 import resnet18 as resnet18
from byzsgd.models.resnet20 import resnet20 as resnet20
from byzsgd.models.ridge_logistic import ridge_logistic as ridge_logistic
from byzsgd.models.torchvision import torchvision as torchvision
from byzsgd.models.transformer import transformer as transformer
