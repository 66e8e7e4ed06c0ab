"""The gradient on the server's own clean data, computed lazily: what zeno and afl_guard compare with."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.aggregators.feeds import demand_trusted
from byzsgd.interfaces import Arrival, ServerContext


@dataclass
class TrustedState:
    """The newest trusted gradient and the number of arrivals so far."""

    context: ServerContext
    arrivals: int = 0
    gradient: Tensor | None = None


def start(who: str, context: ServerContext) -> TrustedState:
    """ValueError where the server has no clean data."""
    demand_trusted(who, context)
    return TrustedState(context)


def reference(state: TrustedState, refresh: int) -> Tensor:
    """(d,) v = ∇ on the trusted data, recomputed at the current model at arrivals 0, refresh, 2·refresh, …"""
    if state.gradient is not None and state.arrivals % refresh:
        return state.gradient
    assert state.context.trusted_gradient is not None
    # A copy: of ½‖x‖² the gradient may be the live model itself.
    return state.context.trusted_gradient(state.context.params).clone()


def count_arrival(state: TrustedState, refresh: int, gradient: Tensor | None) -> None:
    """One arrival more, judged or not; `gradient`: the one that it was judged with."""
    state.gradient = reference(state, refresh) if gradient is None else gradient
    state.arrivals += 1


def is_finite(arrival: Arrival) -> bool:
    """Whether every coordinate is."""
    return bool(torch.isfinite(arrival.vector).all())
