"""What a rule of a node says of itself, and what happens to every rule before it is asked.

A row that is not finite is dropped, and its weight stays on the node's own model: so every rule but the mean keeps it
out. Whoever sends one has shown himself, so a rule that counts liars counts one fewer for each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar, cast

from torch import Tensor

from byzsgd.checks import Condition as Condition
from byzsgd.checks import demand, require
from byzsgd.interfaces import NodeRule
from byzsgd.signatures import keyword_only, missing, name_of, unwrapped

SLACK = 1e-12  # of sums of weights that are compared
SIZES = ("degree", "k")  # what a condition may name beside parameters: neighbours, and rows with the node's own
WEIGHT = Condition("0 <= byzantine_weight < 1", lambda byzantine_weight: 0 <= byzantine_weight < 1)
COUNT = Condition("b >= 0", lambda b: b >= 0)
F = TypeVar("F", bound=Callable[..., Tensor])


@dataclass(frozen=True, slots=True)
class NodeDeclaration:
    """What a rule says of itself.

    `conditions`: of its `parameters`, asked before a run; those that name one of `SIZES` too, asked at every node.
    `counts`: the parameter that is a number of liars; `losses`: it is given the loss of the node's own batch.
    """

    who: str
    conditions: tuple[Condition, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)  # with their defaults
    counts: str | None = None
    losses: bool = False

    def demand(self, degree: int, values: Mapping[str, object]) -> None:
        """Raises ValueError unless every condition holds at a node of so many neighbours."""
        demand(self.who, self.conditions, {**self.parameters, **values, "degree": degree, "k": degree + 1})


def node_rule(*conditions: Condition, counts: str | None = None, losses: bool = False) -> Callable[[F], F]:
    """Declares a pure function (own (d,), received (k, d), weights (k,)) -> (d,)."""

    def declare(function: F) -> F:
        parameters = keyword_only(function)
        declaration = NodeDeclaration(f"the rule {function.__name__}", conditions, parameters, counts, losses)

        @functools.wraps(function)
        def call(own: Tensor, received: Tensor, weights: Tensor, **values: object) -> Tensor:
            finite = received.isfinite().all(dim=1)
            if not bool(finite.all()):
                if counts is not None:
                    non_finite = int((~finite).sum())
                    values = {**values, counts: max(cast(int, values[counts]) - non_finite, 0)}
                received, weights = received[finite], weights[finite]
            if not len(received):
                return own.clone()
            declaration.demand(len(received), values)
            return function(own, received, weights, **values)

        call.__dict__["declaration"] = declaration
        return cast(F, call)

    return declare


def declaration_of(rule: NodeRule) -> tuple[NodeDeclaration, dict[str, object]]:
    """What a rule, or a functools.partial of one, says of itself, and its parameters; ValueError for one that is no
    rule of a node, lacks a parameter, or has an impossible one."""
    function, _, bound = unwrapped(rule)
    name = name_of(function)
    declaration = getattr(function, "declaration", None)
    require(isinstance(declaration, NodeDeclaration), name, "to be a rule of nodes (byzsgd list scheme/rule)",
            rule=name)  # fmt: skip
    assert isinstance(declaration, NodeDeclaration)
    absent = [each for each in missing(function, bound) if not (declaration.losses and each == "loss")]
    require(not absent, name, "a value of every parameter without a default", missing=", ".join(absent))
    demand(declaration.who, declaration.conditions, {**declaration.parameters, **bound}, later=SIZES)
    return declaration, bound


def distances(own: Tensor, received: Tensor) -> Tensor:
    """(k,) ‖x_j − own‖ in double precision."""
    return (received.double() - own.double()).square().sum(dim=1).sqrt()


def nearest_of_weight(distance: Tensor, weights: Tensor, limit: float) -> Tensor:
    """(k,) booleans: whole rows, the nearest first, as long as their weights sum to at most `limit`. Of rows at the
    same distance the lower comes first."""
    order = distance.argsort(stable=True)
    inside = weights.double()[order].cumsum(0) <= limit + SLACK
    mask = inside.new_zeros(len(inside))
    mask[order] = inside
    return mask


def clipped_to(own: Tensor, received: Tensor, weights: Tensor, distance: Tensor, radius: float) -> Tensor:
    """own + Σ_j w_j·clip(x_j − own, radius): (d,), (k, d), (k,), (k,) -> (d,)."""
    shares = (radius / distance).nan_to_num(nan=1.0, posinf=1.0).clamp(max=1.0)  # a row at no distance is not moved
    scaled = (weights.double() * shares).to(own.dtype)
    return own + (scaled[:, None] * (received - own)).sum(dim=0)


@dataclass(frozen=True, eq=False)
class RuleInUse:
    """A rule as a scheme uses it."""

    rule: NodeRule
    loss: Callable[[Tensor, int, int], float] | None  # (model, worker, serial); None: the rule asks for none
    alone: frozenset[int]  # nodes with too few neighbours for the rule, which keep their own models

    def __call__(self, own: Tensor, received: Tensor, weights: Tensor, node: int, serial: int) -> Tensor:
        """`serial`: of the node's last gradient, whose batch its losses are of."""
        if node in self.alone:
            return own
        if (loss := self.loss) is None:
            return self.rule(own, received, weights)
        return cast(Callable[..., Tensor], self.rule)(
            own, received, weights, loss=lambda model: loss(model, node, serial)
        )
