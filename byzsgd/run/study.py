"""What a study of a defence looks at, update by update: the honest messages, the liars' and the direction taken.

El Mhamdi, Guerraoui, Rouault: Distributed momentum for Byzantine-resilient learning (ICLR 2021, arXiv 2003.00010)
record such numbers for every synchronous step. Here a round is replaced by the newest message of every worker, as
sent: for a server that waits for rounds the two are the same.
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
    """The newest message (d,) of every worker that has delivered one, by worker."""

    honest: dict[int, Tensor] = field(default_factory=dict)
    byzantine: dict[int, Tensor] = field(default_factory=dict)


class Study(Protocol):
    """Adds what it measures to the scores of an event, for the record; changes nothing else."""

    columns: tuple[str, ...]

    def init(self) -> Newest | None:
        """What it remembers, saved with the run."""

    def seen(self, newest: Newest | None, event: Event, channel: ChannelState) -> Event: ...


class NoStudy:
    """Measures nothing."""

    columns: tuple[str, ...] = ()

    def init(self) -> None:
        return None

    def seen(self, newest: Newest | None, event: Event, channel: ChannelState) -> Event:
        return event


class StepStudy:
    """Measures at every event that updated the model; O((n + 1)·d) each, and it keeps n messages.

    With `feedback` also `error_norm` at every event: ‖e‖ of the sender, what its messages have lost so far. With
    `rounds`, a compressor with the bound b_j = max of a round, `tolerant_share`: that of the coordinates with
    |Σ_H g_j|/b_j above the number of liars, before compression.
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
        found = measured(_rows(newest.honest), _rows(newest.byzantine), decision.direction)
        if channel.tolerant_share is not None:
            found["tolerant_share"] = channel.tolerant_share
        return replace(event, decision=replace(decision, scores={**decision.scores, **found}))


def measured(honest: Tensor | None, byzantine: Tensor | None, direction: Tensor) -> dict[str, float]:
    """The columns, from h honest rows (h, d), the liars' rows (m, d) and a direction (d,); None: no row yet.

    What has no value is left out: everything about rows that are not there, a cosine with a vector that is zero or not
    finite, and κ of a single row.
    """
    answer = direction.double()
    found = {"direction_norm": _norm(answer)}
    forged = None if byzantine is None else byzantine.double().mean(dim=0)
    if forged is not None:
        found["byzantine_norm"] = _norm(forged)
    if honest is None:
        return found
    rows = honest.double()
    mean = rows.mean(dim=0)
    found["honest_norm"] = _norm(mean)
    found["honest_variance"] = float((rows - mean).square().sum()) / len(rows)
    if len(rows) > 1:
        found["kappa"] = empirical_kappa(answer, rows)
    cosines = {"direction_cosine": _cosine(answer, mean)}
    if forged is not None:
        cosines["byzantine_cosine"] = _cosine(forged, mean)
    return found | {name: value for name, value in cosines.items() if value is not None}


def _rows(messages: dict[int, Tensor]) -> Tensor | None:
    ordered: Iterable[int] = sorted(messages)
    return torch.stack([messages[worker] for worker in ordered]) if messages else None


def _norm(vector: Tensor) -> float:
    return float(torch.linalg.vector_norm(vector))


def _cosine(one: Tensor, other: Tensor) -> float | None:
    """None where it is not defined."""
    length = _norm(one) * _norm(other)
    return float(one @ other) / length if 0.0 < length < float("inf") else None
