from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from byzsgd.interfaces import Sent
from byzsgd.schemes.exchanges.stacked import Squeezing, moved


@dataclass(frozen=True)
class Difference(Squeezing):
    """Compressed changes of models (DCD-PSGD): z_i = Σ_j W_ij x_j − η·g_i, x_i ← x_i + C(z_i − x_i).

    Every neighbour adds up the changes and so has x_i exactly; the compression error must be small, or it diverges.

    Tang, Gan, Zhang, Zhang, Liu: Communication compression for decentralized training (NeurIPS 2018,
    arXiv 1803.06443).
    """

    who: ClassVar[str] = "the exchange difference"
    steps_first: ClassVar[bool | None] = False

    def send(self, state: None, model: Tensor, uniforms: Tensor | None) -> Sent:
        return Sent(model, 0, None)  # known already, by the changes before

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return moved(own, own, received, weights, 1.0)

    def settled(self, state: Any, before: Tensor, after: Tensor, uniforms: Tensor | None) -> Sent:
        change, bits = self.squeezed(after - before, uniforms)
        return Sent(before + change, bits, None)
