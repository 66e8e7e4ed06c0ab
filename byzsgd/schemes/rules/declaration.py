"""What a rule of a node says of itself, and what happens to every rule before it is asked.

A row that is not finite is dropped, and its weight stays on the node's own model: so every rule but the mean keeps it
out. Whoever sends one has shown himself, so a rule that counts liars counts one fewer for each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import NodeRule
from byzsgd.signatures import keyword_only, missing, unwrapped

SLACK = 1e-12  # of sums of weights that are compared
F = TypeVar("F", bound=Callable[..., Tensor])


@dataclass(frozen=True, slots=True)
class NodeDeclaration:
    """`check(**parameters)` refuses impossible parameters; `fits(degree, **parameters)` a node of too few neighbours;
    `counts`: the parameter that is a number of liars; `losses`: it is given the loss of the node's own batch."""

    check: Callable[..., None] | None = None
    fits: Callable[..., None] | None = None
    counts: str | None = None
    losses: bool = False


def node_rule(
    *,
    check: Callable[..., None] | None = None,
    fits: Callable[..., None] | None = None,
    counts: str | None = None,
    losses: bool = False,
) -> Callable[[F], F]:
    """Declares a pure function (own (d,), received (k, d), weights (k,)) -> (d,)."""

    def declare(function: F) -> F:
        @functools.wraps(function)
        def call(own: Tensor, received: Tensor, weights: Tensor, **values: Any) -> Tensor:
            finite = received.isfinite().all(dim=1)
            if not bool(finite.all()):
                if counts is not None:
                    non_finite = int((~finite).sum())
                    values = {**values, counts: max(values[counts] - non_finite, 0)}
                received, weights = received[finite], weights[finite]
            return function(own, received, weights, **values) if len(received) else own.clone()

        call.__dict__["declaration"] = NodeDeclaration(check, fits, counts, losses)
        return cast(F, call)

    return declare


def declaration_of(rule: NodeRule) -> tuple[NodeDeclaration, dict[str, Any]]:
    """What a rule, or a functools.partial of one, says of itself, and its parameters; ValueError for one that is no
    rule of a node, lacks a parameter, or has an impossible one."""
    function, _, bound = unwrapped(rule)
    name = getattr(function, "__name__", type(function).__name__)
    declaration = getattr(function, "declaration", None)
    require(
        isinstance(declaration, NodeDeclaration), name, "to be a rule of nodes (byzsgd list scheme/rule)", rule=name
    )
    assert isinstance(declaration, NodeDeclaration)
    absent = [each for each in missing(function, bound) if not (declaration.losses and each == "loss")]
    require(not absent, name, "a value of every parameter without a default", missing=", ".join(absent))
    values = {**keyword_only(function), **bound}
    values.pop("loss", None)
    if declaration.check is not None:
        declaration.check(**values)
    return declaration, values


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


def require_weight(who: str, byzantine_weight: float) -> None:
    """Of a share of lying weight among a node's neighbours."""
    require(0 <= byzantine_weight < 1, who, "0 <= byzantine_weight < 1", byzantine_weight=byzantine_weight)


def require_count(who: str, b: int) -> None:
    """Of a number of liars among a node's neighbours."""
    require(b >= 0, who, "b >= 0", b=b)


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
