from __future__ import annotations

from torch import nn

from byzsgd.models.images import require_image


def kardam_cifar100(input_shape: tuple[int, ...], outputs: int, /) -> nn.Module:
    """The CIFAR-100 network of Kardam's authors, (B, 3, 32, 32) -> (B, outputs); 324,516 parameters with 100 outputs.

    conv 3×3×16 ELU – max pool 3/2 – conv 3×3×64 ELU – max pool 4/4 – 384 ReLU – 192 ReLU – outputs.

    Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki: Asynchronous Byzantine machine learning (the case of SGD),
    ICML 2018, arXiv:1802.07928; layers as in the authors' later code.

    Differs: PyTorch's default initialisation, since theirs is not known.
    """
    channels = require_image("model kardam_cifar100", input_shape, 32)
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3),
        nn.ELU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(16, 64, 3),
        nn.ELU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Linear(576, 384),
        nn.ReLU(),
        nn.Linear(384, 192),
        nn.ReLU(),
        nn.Linear(192, outputs),
    )
