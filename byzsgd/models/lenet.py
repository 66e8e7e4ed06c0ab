from __future__ import annotations

from torch import nn

from byzsgd.models.activations import activation as activation_module
from byzsgd.models.images import require_image


def lenet(input_shape: tuple[int, ...], outputs: int, /, *, activation: str = "relu") -> nn.Module:
    """LeNet-5 for 28×28 (padded by 2) or 32×32 pixels; 61,706 parameters for MNIST.

    conv 5×5×6 – max pool 2 – conv 5×5×16 – max pool 2 – 120 – 84 – outputs.

    LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition (Proc. IEEE 86, 1998).

    Differs: max pooling, ReLU unless `activation` says tanh, every map connected, a plain linear output.
    """
    who = "model lenet"
    small = tuple(input_shape[1:]) == (28, 28)
    channels = require_image(who, input_shape, 28 if small else 32)

    def active() -> nn.Module:
        return activation_module(who, activation)

    return nn.Sequential(
        nn.Conv2d(channels, 6, 5, padding=2 if small else 0),
        active(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        active(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        active(),
        nn.Linear(120, 84),
        active(),
        nn.Linear(84, outputs),
    )
