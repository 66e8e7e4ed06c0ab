"""What a server feeds to a rule beside the rows: nothing, the last result, trusted data, or randomness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from byzsgd.aggregators.rows import NonFiniteRows, all_finite, read_beside
from byzsgd.checks import require
from byzsgd.interfaces import ServerContext


@dataclass
class State:
    """The state of a lifted function."""

    context: ServerContext
    centre: Tensor | None = None  # (d,) where the rule starts from its last result


@dataclass(frozen=True)
class Feed:
    """Feeds nothing; the others change what they must."""

    gives: ClassVar[tuple[str, ...]] = ()  # the parameters that a server fills in
    rows_in_front: ClassVar[int] = 0  # rows that the server adds to those collected

    def accept(self, who: str, values: Mapping[str, object]) -> None:
        """Refuses hyper-parameters that make no sense inside a server."""

    def begin(self, who: str, context: ServerContext, values: Mapping[str, object]) -> State:
        return State(context)

    def give(self, who: str, state: State, vectors: Tensor, step: int) -> tuple[Tensor, dict[str, object]]:
        """The rows and the parameters of one call."""
        return vectors, {}

    def keep(self, state: State, answer: Tensor) -> State:
        return state

    def without(self, keep: Tensor, values: dict[str, object]) -> dict[str, object]:
        """The parameters once the rows outside the mask `keep` are gone."""
        return values


@dataclass(frozen=True)
class LastResult(Feed):
    """`centre`: the result of the step before."""

    gives: ClassVar[tuple[str, ...]] = ("centre",)

    def begin(self, who: str, context: ServerContext, values: Mapping[str, object]) -> State:
        if (centre := values.get("centre")) is None:
            return State(context)
        return State(context, read_beside(who, "centre", centre, context.params.unsqueeze(0)))

    def give(self, who: str, state: State, vectors: Tensor, step: int) -> tuple[Tensor, dict[str, object]]:
        return vectors, {"centre": state.centre}

    def keep(self, state: State, answer: Tensor) -> State:
        # A copy: the direction is given away and may alias no state.
        return State(state.context, answer.clone())


def _trusted_gradient(who: str, context: ServerContext) -> Tensor:
    assert context.trusted_gradient is not None
    gradient = context.trusted_gradient(context.params)
    if not all_finite(gradient):
        raise NonFiniteRows(f"{who} needs a finite trusted gradient; got a non-finite one")
    return gradient


def demand_trusted(who: str, context: ServerContext) -> None:
    """ValueError where the server has no clean data."""
    needs = "trusted data (dataset.trusted=100 takes 100 clean examples out for the server)"
    require(context.trusted_gradient is not None, who, needs, trusted=0)


@dataclass(frozen=True)
class Trusted(Feed):
    """`trusted`: the gradient of the trusted data at the model now."""

    gives: ClassVar[tuple[str, ...]] = ("trusted",)

    def begin(self, who: str, context: ServerContext, values: Mapping[str, object]) -> State:
        demand_trusted(who, context)
        return State(context)

    def give(self, who: str, state: State, vectors: Tensor, step: int) -> tuple[Tensor, dict[str, object]]:
        return vectors, {"trusted": _trusted_gradient(who, state.context)}


@dataclass(frozen=True)
class Pivot(Feed):
    """The trusted gradient in front of the rows, as row 0."""

    rows_in_front: ClassVar[int] = 1

    def accept(self, who: str, values: Mapping[str, object]) -> None:
        require(values["pivot"] == 0, f"{who} in a server", "pivot = 0, the trusted gradient", pivot=values["pivot"])

    def begin(self, who: str, context: ServerContext, values: Mapping[str, object]) -> State:
        demand_trusted(who, context)
        return State(context)

    def give(self, who: str, state: State, vectors: Tensor, step: int) -> tuple[Tensor, dict[str, object]]:
        return torch.cat((_trusted_gradient(who, state.context).unsqueeze(0), vectors)), {}

    def without(self, keep: Tensor, values: dict[str, Any]) -> dict[str, object]:
        # The same row under its new number; where it is lost itself, the next one that is left.
        pivot = values.get("pivot", 0)
        if not 0 <= pivot < keep.shape[0]:
            return values
        return {**values, "pivot": int(keep[:pivot].sum()) % int(keep.sum())}


@dataclass(frozen=True)
class Randomness(Feed):
    """`rng`: a generator of the stream named after the rule, one per step."""

    gives: ClassVar[tuple[str, ...]] = ("rng",)

    def begin(self, who: str, context: ServerContext, values: Mapping[str, object]) -> State:
        require(context.stream is not None, who, "a random stream", stream=None)
        return State(context)

    def give(self, who: str, state: State, vectors: Tensor, step: int) -> tuple[Tensor, dict[str, object]]:
        assert state.context.stream is not None
        return vectors, {"rng": state.context.stream(who, step)}
