"""What the schemes among neighbours are configured by, and what is refused of it."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from byzsgd.checks import require
from byzsgd.interfaces import Exchange, Graph, Mixing, NodeRule, SchemeContext
from byzsgd.interfaces.values import Stream
from byzsgd.schemes.exchanges import moniqua, plain
from byzsgd.schemes.liars import honest_part
from byzsgd.schemes.links import Network, Uniforms
from byzsgd.schemes.rules import mean
from byzsgd.schemes.rules.declaration import RuleInUse, declaration_of
from byzsgd.signatures import unwrapped

Order = Literal["mix_then_step", "step_then_mix"]


@dataclass(frozen=True, kw_only=True)
class Gossip:
    """Nodes with models of their own, which meet along the edges of a graph."""

    server: ClassVar[bool] = False
    edges: ClassVar[bool] = True
    who: ClassVar[str]

    graph: Graph
    mixing: Mixing
    exchange: Exchange
    rule: NodeRule
    lazy: float

    def __post_init__(self) -> None:
        require(0 < self.lazy <= 1, self.who, "0 < lazy <= 1", lazy=self.lazy)
        require(self.averages or self.exchange.memoryless, self.who, "exchange plain or moniqua for a rule other than "
                "the mean", exchange=member_name(self.exchange))  # fmt: skip
        declaration_of(self.rule)

    def check(self, num_workers: int) -> None:
        """A graph that is drawn is drawn again, from the run's own stream, when the scheme is bound."""
        generator = np.random.default_rng(0)
        self.require_fit(self.network(num_workers, lambda *_: generator))

    def network(self, num_workers: int, stream: Stream) -> Network:
        """The graph of a run, with its weights."""
        return Network.of(self.graph, self.mixing, self.lazy, num_workers, stream)

    def guard(self, num_workers: int, byzantine: Collection[int]) -> None:
        """A graph that is drawn is drawn again, as in `check`."""
        generator = np.random.default_rng(0)
        self.alone(self.network(num_workers, lambda *_: generator), byzantine)

    def require_fit(self, network: Network) -> None:
        """Raises ValueError for a graph that this scheme cannot work on."""

    def rule_rows(self, network: Network) -> list[int]:
        """Of every node, how many models its rule is given at a time."""
        return [len(neighbours) for neighbours in network.at(0).neighbours]

    def alone(self, network: Network, byzantine: Collection[int]) -> frozenset[int]:
        """The liars with too few neighbours for the rule: nothing protects them, so they keep their own models.
        ValueError for an honest node that has too few."""
        declaration, values = declaration_of(self.rule)
        nodes = set()
        for node, count in enumerate(self.rule_rows(network)):
            try:
                if count > 0:
                    declaration.demand(count, values)
            except ValueError:
                if node not in byzantine:
                    raise
                nodes.add(node)
        return frozenset(nodes)

    def run_rule(self, network: Network, context: SchemeContext) -> RuleInUse | None:
        """The rule of a run; None: the mean."""
        if self.averages:
            return None
        loss = context.loss if declaration_of(self.rule)[0].losses else None
        return RuleInUse(self.rule, loss, self.alone(network, context.byzantine))

    @property
    def averages(self) -> bool:
        """Whether the rule is the mean, which the exchange computes itself."""
        return unwrapped(self.rule)[0] is mean

    def uniforms(self, exchange: Exchange, context: SchemeContext) -> Uniforms:
        """What the exchange of a run draws."""
        return Uniforms(context.stream, context.num_parameters, exchange.random, exchange.shared)

    def run_exchange(self, network: Network, context: SchemeContext) -> Exchange:
        """The exchange of a run, with a number for every word in it."""
        own = getattr(context.optimizer, "own_iterate", False)
        require(not own, self.who, "an optimizer that steps from the model it is given (optimizer=sgd)",
                optimizer=member_name(context.optimizer))  # fmt: skip
        exchange = self.exchange
        if not isinstance(exchange, moniqua) or not isinstance(exchange.theta, str):
            return exchange
        require(exchange.theta != "pilot", self.who, "the gap that a pilot run measured (Experiment.run makes one)",
                theta=exchange.theta)  # fmt: skip
        return replace(exchange, theta=self.theory(exchange, network, context))

    def theory(self, exchange: moniqua, network: Network, context: SchemeContext) -> float:
        """θ as the paper of the scheme has it; ValueError where that is not established."""
        require(False, self.who, "a number or pilot for theta, since theory has none for it", theta="theory")
        return math.nan

    def pilot(self) -> Gossip | None:
        """The same scheme with exchange=plain, where θ waits for its gaps."""
        if isinstance(self.exchange, moniqua) and self.exchange.theta == "pilot":
            return replace(self, exchange=plain())
        return None

    def piloted(self, measured: Mapping[str, float]) -> Gossip:
        """θ = pilot_factor times the largest neighbour gap of the pilot."""
        assert isinstance(self.exchange, moniqua)
        theta = self.exchange.pilot_factor * measured.get("largest_gap", 0.0)  # nobody met: nothing was measured
        require(0 < theta < math.inf, self.who, "a pilot run whose models differ and stay finite", theta=theta)
        return replace(self, exchange=replace(self.exchange, theta=theta))


def member_name(part: object) -> str:
    """A member as a person would choose it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(part).__name__).lower()


def facts_of(network: Network, exchange: Exchange, context: SchemeContext) -> dict[str, object]:
    """For the record: the graph, the liars on it, and the bound that was used."""
    liars = {} if network.weights is None else honest_part(network.weights, context.byzantine)
    return {**network.facts, **liars, **({} if exchange.gap_bound is None else {"theta": exchange.gap_bound})}


def remarks_of(facts: Mapping[str, object]) -> tuple[str, ...]:
    """What should be said of a graph."""
    disconnected = facts.get("honest_connected", True) is False
    return (
        ("the liars cut the honest nodes apart: their models cannot agree whatever the rule",) if disconnected else ()
    )
