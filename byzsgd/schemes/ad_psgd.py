from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import (
    Arrival,
    Delivery,
    Edge,
    Outcome,
    SchemeContext,
    Verbs,
    W,
    accept,
)
from byzsgd.interfaces.values import Stream
from byzsgd.schemes.gaps import Gaps, Widest
from byzsgd.schemes.gossip import Gossip, facts_of, member_name
from byzsgd.schemes.links import Network
from byzsgd.schemes.meeting import Meeting

HALF = torch.tensor([0.5], dtype=torch.float64)  # the weight of a partner


@dataclass(frozen=True, kw_only=True)
class ADPSGD(Gossip):
    """Who finishes a gradient meets a neighbour: x_i, x_j ← (x_i + x_j)/2, then x_i ← x_i − η·g_i, g_i of the model
    that i read; it then reads x_i anew. Nobody waits for anybody.

    j is a uniform neighbour of i. Averaging is atomic, in the order of events, so no split into active and passive
    nodes is needed, which real systems use against deadlock. Both directions of an exchange are counted.

    Lian, Zhang, Zhang, Liu: Asynchronous decentralized parallel stochastic gradient descent (ICML 2018,
    arXiv 1710.06952).
    """

    who: ClassVar[str] = "scheme ad_psgd"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.exchange.memoryless, self.who, "exchange plain or moniqua", exchange=member_name(self.exchange))

    def require_fit(self, network: Network) -> None:
        require(network.fixed is not None, self.who, "a graph that stays, since it has no rounds",
                graph=member_name(self.graph))  # fmt: skip

    def rule_rows(self, network: Network) -> list[int]:
        return [min(count, 1) for count in super().rule_rows(network)]  # one neighbour at a time

    def bind(self, context: SchemeContext) -> Pairwise:
        network = self.network(context.num_workers, context.stream)
        self.require_fit(network)
        exchange = self.run_exchange(network, context)
        return Pairwise(
            network=network,
            exchange=exchange,
            uniforms=self.uniforms(exchange, context),
            rule=self.run_rule(network, context),
            stream=context.stream,
            facts=facts_of(network, exchange, context),
        )


@dataclass(eq=False)
class PairwiseState:
    """What all meetings so far have cost and shown."""

    bits: int = 0  # sent so far
    widest: Widest = field(default_factory=Widest)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pairwise(Meeting):
    """A bound scheme of meetings: see `ADPSGD`."""

    stream: Stream

    def begin(self, kernel: Verbs[W], world: W) -> PairwiseState:
        for worker in sorted(world.workers):
            kernel.start(world, worker, worker)
        return PairwiseState()

    def delivered(self, kernel: Verbs[W], world: W, delivery: Delivery) -> Outcome:
        state: PairwiseState = world.scheme
        (node, read_at), gradient = delivery.key, delivery.message.vector
        step, gaps, bits, scores = world.models.version[node], Gaps(self.exchange.gap_bound), 0, {}
        if neighbours := self.network.at(0).neighbours[node]:
            draw = self.stream("gossip", node, delivery.job.serial)
            partner = neighbours[int(draw.integers(len(neighbours)))]
            bits = self._meet(kernel, world, delivery, partner, gaps)
            scores = {"partner": float(partner), **gaps.scores}
        state.bits += bits
        state.widest.add(gaps)
        kernel.apply(world, node, gradient)
        kernel.start(world, delivery.job.worker, node)
        arrival = Arrival(delivery.time, delivery.job.worker, read_at, step, gradient, None)
        return Outcome(arrival, accept(gradient, scores=scores), True, bits)

    def _meet(self, kernel: Verbs[W], world: W, delivery: Delivery, partner: int, gaps: Gaps) -> int:
        """Both models of the pair become what they are after it has met; what that cost in bits."""
        live, node, number = world.models.live, delivery.key[0], delivery.job.serial
        pair = (live[node].clone(), live[partner].clone())
        messages = [
            kernel.adversary.sent_model(
                world, Edge(sender, receiver, number, model, own, (sender,), HALF.to(model), [model])
            )
            for sender, receiver, model, own in ((partner, node, pair[1], pair[0]), (node, partner, pair[0], pair[1]))
        ]
        uniforms = self.uniforms.at(node, number, pair[0])
        gaps.add(pair[0], messages[0][None])
        for reader, own, message in ((node, pair[0], messages[0]), (partner, pair[1], messages[1])):
            kernel.assign(world, reader, self._after(own, message, uniforms, reader, number))
        return 2 * self.exchange.send(None, pair[0], uniforms).bits

    def _after(self, own: Tensor, message: Tensor, uniforms: Tensor | None, node: int, serial: int) -> Tensor:
        """(d,) a node's model after it has heard another's."""
        if self.rule is None:
            return self.exchange.pair({}, own, message, uniforms)[0]
        decoded = self.exchange.send(None, message, uniforms).vector[None]
        return self.rule(own, self.exchange.rows(own, decoded), HALF.to(own), node, serial)
