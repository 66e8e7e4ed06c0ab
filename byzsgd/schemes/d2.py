from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from byzsgd.checks import require
from byzsgd.interfaces import SchemeContext
from byzsgd.schemes.gossip import Gossip, facts_of, member_name
from byzsgd.schemes.links import Network
from byzsgd.schemes.neighbour_rounds import NeighbourRounds

BORDER = -1 / 3 + 1e-9  # of λ_min: the ring of 8 lies exactly on −⅓, where rounding would decide


@dataclass(frozen=True, kw_only=True)
class D2(Gossip):
    """D-PSGD without the bias of data that differ between nodes: X₁ = W(X₀ − ηG₀), then
    X_{t+1} = W(2X_t − X_{t−1} − ηG_t + ηG_{t−1}), in rounds among neighbours.

    Needs λ_min(W) > −⅓. The default `lazy: 0.5` mixes with (W + I)/2, whose eigenvalues are not negative.

    Tang, Lian, Yan, Zhang, Liu: D²: decentralized training over decentralized data (ICML 2018, arXiv 1803.07068).
    """

    who: ClassVar[str] = "scheme d2"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.exchange.memoryless, self.who, "exchange plain or moniqua", exchange=member_name(self.exchange))
        require(self.averages, self.who, "the mean as its rule", rule=getattr(self.rule, "__name__", self.rule))

    def require_fit(self, network: Network) -> None:
        super().require_fit(network)
        require(network.fixed is not None, self.who, "a graph that stays", graph=member_name(self.graph))
        least = network.least_eigenvalue
        require(least > BORDER, self.who, "least eigenvalue of W > -1/3 (scheme.lazy=.9 or less)",
                least_eigenvalue=f"{least:.6g}")  # fmt: skip

    def bind(self, context: SchemeContext) -> NeighbourRounds:
        network = self.network(context.num_workers, context.stream)
        self.require_fit(network)
        exchange = self.run_exchange(network, context)
        uniforms, facts = self.uniforms(exchange, context), facts_of(network, exchange, context)
        return NeighbourRounds(network=network, exchange=exchange, uniforms=uniforms, rule=None, step_first=True,
                               corrected=True, facts=facts)  # fmt: skip
