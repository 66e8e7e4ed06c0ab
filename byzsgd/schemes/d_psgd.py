from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from byzsgd.checks import require
from byzsgd.interfaces import SchemeContext
from byzsgd.schemes.exchanges import moniqua
from byzsgd.schemes.gossip import Gossip, Order, facts_of, member_name
from byzsgd.schemes.links import Network
from byzsgd.schemes.neighbour_rounds import NeighbourRounds


@dataclass(frozen=True, kw_only=True)
class DPSGD(Gossip):
    """Rounds among neighbours: x_i ← Σ_j W_ij x_j − η·g_i, g_i at the model before mixing (`order: mix_then_step`), or
    x_i ← Σ_j W_ij (x_j − η·g_j) (`step_then_mix`). A node waits for its neighbours of the same round and for nobody
    else. In both the mean of all models moves by −η times the mean gradient.

    `order: null` is mix_then_step, but step_then_mix for choco, deep_squeeze and rules other than the mean.

    Lian, Zhang, Zhang, Hsieh, Zhang, Liu: Can decentralized algorithms outperform centralized algorithms? (NeurIPS
    2017, arXiv 1705.09056).
    """

    who: ClassVar[str] = "scheme d_psgd"

    order: Order | None

    def __post_init__(self) -> None:
        super().__post_init__()
        orders = ("mix_then_step", "step_then_mix", None)
        require(self.order in orders, self.who, "order mix_then_step, step_then_mix or null", order=self.order)
        steps_first = self.exchange.steps_first if self.averages else True
        if steps_first is not None:
            reason = f"for exchange={member_name(self.exchange)}" if self.averages else "for a rule other than the mean"
            order = "step_then_mix" if steps_first else "mix_then_step"
            require(self.order in (None, order), self.who, f"order={order} {reason}", order=self.order)

    @property
    def step_first(self) -> bool:
        """Whether a node takes its step before it meets its neighbours."""
        if self.order is not None:
            return self.order == "step_then_mix"
        return bool(self.exchange.steps_first) or not self.averages

    def bind(self, context: SchemeContext) -> NeighbourRounds:
        network = self.network(context.num_workers, context.stream)
        self.require_fit(network)
        exchange = self.run_exchange(network, context)
        return NeighbourRounds(
            network=network,
            exchange=exchange,
            uniforms=self.uniforms(exchange, context),
            rule=self.run_rule(network, context),
            step_first=self.step_first,
            corrected=False,
            facts=facts_of(network, exchange, context),
        )

    def theory(self, exchange: moniqua, network: Network, context: SchemeContext) -> float:
        """2ηG·log(16n)/(γ(1−ρ)) with codes of ⌈log2(1/(2δ)+1)⌉ bits, δ = (1−ρ)/(8·log(16n) + 2(1−ρ))."""
        assert exchange.gradient_bound is not None
        gap, log = exchange.gamma * network.gap, math.log(16 * context.num_workers)
        delta = gap / (8 * log + 2 * gap)
        bits = math.ceil(math.log2(1 / (2 * delta) + 1))
        require(exchange.bits >= bits, self.who, f"bits >= {bits} for theta=theory on this graph", bits=exchange.bits)
        lr = getattr(context.optimizer, "lr", None)
        require(isinstance(lr, int | float), self.who, "an optimizer with an lr for theta=theory", lr=lr)
        assert lr is not None
        return 2 * float(lr) * exchange.gradient_bound * log / gap
