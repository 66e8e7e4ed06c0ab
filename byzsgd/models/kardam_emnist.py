from __future__ import annotations

from torch import nn

from byzsgd.models.images import require_image


def kardam_emnist(input_shape: tuple[int, ...], outputs: int, /) -> nn.Module:
    """The EMNIST network of Kardam's authors, (B, 1, 28, 28) -> (B, outputs); 6,177 parameters with 62 outputs.

    conv 5×5×10 – max pool 2 – conv 5×5×10 – max pool 2 – 15 ReLU – outputs; Xavier initialisation, biases zero.

    Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki: Asynchronous Byzantine machine learning (the case of SGD),
    ICML 2018, arXiv:1802.07928; layers as in the authors' later code, where the convolutions have no activation.
    """
    channels = require_image("model kardam_emnist", input_shape, 28)
    module = nn.Sequential(
        nn.Conv2d(channels, 10, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(10, 10, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(160, 15),
        nn.ReLU(),
        nn.Linear(15, outputs),
    )
    for layer in module:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return module
