from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from byzsgd.interfaces import Sent
from byzsgd.schemes.exchanges.stacked import Squeezing, Stateless, gossip_step


@dataclass(frozen=True)
class Difference(Stateless, Squeezing[None]):
    """Compressed changes of models (DCD-PSGD): z_i = Σ_j W_ij x_j − η·g_i, x_i ← x_i + C(z_i − x_i).

    Every neighbour adds up the changes and so has x_i exactly; the compression error must be small, or it diverges.

    Tang, Gan, Zhang, Zhang, Liu: Communication compression for decentralized training (NeurIPS 2018,
    arXiv 1803.06443).
    """

    who: ClassVar[str] = "the exchange difference"
    steps_first: ClassVar[bool | None] = False

    def send(self, state: None, model: Tensor, uniforms: Tensor | None) -> Sent[None]:
        return Sent(model, 0, None)  # known already, by the changes before

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return gossip_step(own, own, received, weights, 1.0)

    def settle_node(self, state: None, before: Tensor, after: Tensor, uniforms: Tensor | None) -> Sent[None]:
        change, bits = self.squeeze(after - before, uniforms)
        return Sent(before + change, bits, None)
