"""Datasets: frozen settings, whose `load` reads, checks, splits and normalises the examples in memory."""

from byzsgd.datasets.augmentations import ShiftFlip as shift_flip
from byzsgd.datasets.breast_cancer import BreastCancer as breast_cancer
from byzsgd.datasets.cifar10 import Cifar10 as cifar10
from byzsgd.datasets.cifar100 import Cifar100 as cifar100
from byzsgd.datasets.digits import Digits as digits
from byzsgd.datasets.emnist import Emnist as emnist
from byzsgd.datasets.fashion_mnist import FashionMnist as fashion_mnist
from byzsgd.datasets.least_squares import LeastSquares as least_squares
from byzsgd.datasets.mnist import Mnist as mnist
from byzsgd.datasets.phase_retrieval import PhaseRetrieval as phase_retrieval
from byzsgd.datasets.quadratic import Quadratic as quadratic
from byzsgd.datasets.ridge_logistic import RidgeLogistic as ridge_logistic
from byzsgd.datasets.svhn import Svhn as svhn
from byzsgd.datasets.tensor_file import TensorFile as tensor_file
from byzsgd.datasets.text_char import TextChar as text_char
from byzsgd.datasets.wine import Wine as wine
