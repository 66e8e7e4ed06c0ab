"""Columns for the study of a defence: at every update, norms and angles of the honest messages, of the liars' messages
and of the server's direction.

El Mhamdi, Guerraoui, Rouault: Distributed momentum for Byzantine-resilient learning (ICLR 2021, arXiv 2003.00010)
record such numbers at every synchronous step. Here the newest message of every worker, as sent, takes the place of a
round. For a server that waits for rounds the two are the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from byzsgd.aggregators.empirical_kappa import empirical_kappa
from byzsgd.interfaces import Event
from byzsgd.kernel.channel import ChannelState

COLUMNS = (
    "honest_variance",  # (1/h) Σ_H ‖x_i − x̄_H‖²
    "honest_norm",  # ‖x̄_H‖
    "byzantine_norm",  # ‖x̄_B‖
    "byzantine_cosine",  # of x̄_B and x̄_H
    "direction_norm",  # ‖D‖
    "direction_cosine",  # of D and x̄_H: 1 is the honest mean's direction, below 0 is uphill
    "kappa",  # ‖D − x̄_H‖² / honest_variance
)


@dataclass
class Newest:
    """The newest message (d,) of every worker that has delivered one."""

    honest: dict[int, Tensor] = field(default_factory=dict)
    byzantine: dict[int, Tensor] = field(default_factory=dict)


class Study(Protocol):
    """Adds its measurements to the scores of an event, for the record. It changes nothing else."""

    columns: tuple[str, ...]

    def init(self) -> Newest | None:
        """Its state before the first event, which checkpoints hold."""

    def seen(self, newest: Newest | None, event: Event, channel: ChannelState) -> Event: ...


class NoStudy:
    """Measures nothing."""

    columns: tuple[str, ...] = ()

    def init(self) -> None:
        return None

    def seen(self, newest: Newest | None, event: Event, channel: ChannelState) -> Event:
        return event


class StepStudy:
    """Measures at every event that updated the model: O((n + 1)·d) time each. It keeps n messages.

    `feedback`: also `error_norm` at every event, the norm ‖e‖ of what compression has cost the sender's messages so
    far. `rounds`, for a compressor whose bound b_j is the maximum of a round: also `tolerant_share`, the share of
    coordinates in which |Σ_H g_j|/b_j exceeds the number of liars, before compression.
    """

    def __init__(self, feedback: bool = False, rounds: bool = False) -> None:
        self.columns = (*COLUMNS, *["error_norm"] * feedback, *["tolerant_share"] * rounds)

    def init(self) -> Newest:
        return Newest()

    def seen(self, newest: Newest | None, event: Event, channel: ChannelState) -> Event:
        assert newest is not None
        sender = channel.senders.get(event.arrival.worker)
        if sender is not None and sender.error is not None:
            scores = {**event.decision.scores, "error_norm": _norm(sender.error)}
            event = replace(event, decision=replace(event.decision, scores=scores))
        kind = newest.byzantine if event.byzantine else newest.honest
        kind[event.arrival.worker] = event.message.vector
        decision = event.decision
        if decision.direction is None:
            return event
        columns = measured(_rows(newest.honest), _rows(newest.byzantine), decision.direction)
        if channel.tolerant_share is not None:
            columns["tolerant_share"] = channel.tolerant_share
        return replace(event, decision=replace(decision, scores={**decision.scores, **columns}))


def measured(honest: Tensor | None, byzantine: Tensor | None, direction: Tensor) -> dict[str, float]:
    """The columns, from honest rows (h, d), the liars' rows (m, d) and a direction (d,); None: no row yet.

    A column without a value is left out: columns of missing rows, cosines with a vector that is zero or not finite, and
    κ of a single row.
    """
    answer = direction.double()
    columns = {"direction_norm": _norm(answer)}
    forged = None if byzantine is None else byzantine.double().mean(dim=0)
    if forged is not None:
        columns["byzantine_norm"] = _norm(forged)
    if honest is None:
        return columns
    rows = honest.double()
    mean = rows.mean(dim=0)
    columns["honest_norm"] = _norm(mean)
    columns["honest_variance"] = float((rows - mean).square().sum()) / len(rows)
    if len(rows) > 1:
        columns["kappa"] = empirical_kappa(answer, rows)
    cosines = {"direction_cosine": _cosine(answer, mean)}
    if forged is not None:
        cosines["byzantine_cosine"] = _cosine(forged, mean)
    return columns | {name: value for name, value in cosines.items() if value is not None}


def _rows(messages: dict[int, Tensor]) -> Tensor | None:
    ordered: Iterable[int] = sorted(messages)
    return torch.stack([messages[worker] for worker in ordered]) if messages else None


def _norm(vector: Tensor) -> float:
    return float(torch.linalg.vector_norm(vector))


def _cosine(one: Tensor, other: Tensor) -> float | None:
    """The cosine of two vectors; None where it is not defined."""
    length = _norm(one) * _norm(other)
    return float(one @ other) / length if 0.0 < length < float("inf") else None
