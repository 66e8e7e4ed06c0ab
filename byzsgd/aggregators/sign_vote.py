"""The server `sign_vote`: a majority vote of signs, with the server's own error feedback."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.aggregators.pipeline import Pipeline
from byzsgd.checks import require
from byzsgd.interfaces import FLOAT_BITS, ServerContext

Tie = Literal[0, "plus"]
Feedback = Literal["votes", "l1"]


def vote_with_feedback(votes: Tensor, carry: Tensor | None, *, tie: Tie) -> tuple[Tensor, Tensor]:
    """The direction of one vote and what it leaves behind: w = Σ S_i + r, direction = sign(w), r ← w − direction.

    `votes` (M, d) of −1, 0, 1, `carry` r (d,) int64 (None: zeros) -> direction (d,) of the type of the votes, next
    carry (d,) int64. sign(0) = `tie`. r is M times the error of the paper's form u = mean + e, e ← u − sign(u)/M, and a
    whole number, so that no tie is broken by rounding. It is not bounded: t unanimous votes add t·(M − 1).
    """
    total = votes.sum(dim=0).to(torch.int64)
    if carry is not None:
        total += carry
    direction = _sign(total, tie)
    return direction.to(votes.dtype), total - direction


def _sign(total: Tensor, tie: Tie) -> Tensor:
    """The sign of (d,), that of 0 being `tie`."""
    return total.sign() if tie == 0 else torch.where(total >= 0, 1, -1).to(total.dtype)


@dataclass(frozen=True, kw_only=True)
class Vote:
    """The rule of a sign vote. A row that is not finite has no vote."""

    feedback: Feedback | None
    tie: Tie
    weighted: ClassVar[bool] = False

    def check(self, rows: int) -> int:
        require(rows >= 1, "sign_vote", "a row", rows=rows)
        return 1

    def init(self, context: ServerContext) -> None:
        return None

    def aggregate(
        self, state: Tensor | None, vectors: Tensor, weights: Tensor | None, step: int
    ) -> tuple[Tensor, Tensor | None]:
        valid = vectors.isfinite().all(dim=1, keepdim=True)
        votes = torch.where(valid, vectors, 0).sign()
        if self.feedback == "votes":
            return vote_with_feedback(votes, state, tie=self.tie)
        if self.feedback == "l1":
            u = votes.mean(dim=0) if state is None else votes.mean(dim=0).add_(state)
            direction = torch.linalg.vector_norm(u, 1) / u.numel() * _sign(u, self.tie)
            return direction, u - direction
        return _sign(votes.sum(dim=0), self.tie), None


@dataclass(frozen=True, kw_only=True)
class SignVote(Pipeline):
    """Majority vote of signs: direction = sign(Σ sign(x_i)), sign(0) = `tie`; `feedback` at the server is memory.

    feedback=votes: w = Σ sign(x_i) + r, direction = sign(w), r ← w − direction; a coordinate whose M votes were
    unanimous for t steps keeps its direction for t(M − 1)/(M + 1) more when they turn. feedback=l1: u = mean + e,
    direction = (‖u‖₁/d)·sign(u), e ← u − direction. Both need the same number of rows at every step.

    Jin, Huang, He, Dai, Wu: Stochastic-Sign SGD for federated learning with theoretical guarantees, 2020, arXiv
    2002.10940 (votes, as in their code); Bernstein, Zhao, Azizzadenesheli, Anandkumar: signSGD with majority vote is
    communication efficient and fault tolerant, ICLR 2019, arXiv 1810.05291 (null).
    """

    feedback: Feedback | None
    tie: Tie
    rule: object = field(default=None, init=False)  # the vote

    def __post_init__(self) -> None:
        vars(self)["rule"] = Vote(feedback=self.feedback, tie=self.tie)  # frozen
        super().__post_init__()
        constant = getattr(self.collector, "constant_rows", False)
        require(constant or self.feedback is None, "sign_vote with feedback",
                "a collector that gives the same number of rows at every step (round, buffer or every)",
                collector=type(self.collector).__name__.lower())  # fmt: skip

    def broadcast_bits(self, num_parameters: int) -> int:
        """Of the way down to one worker: the vote, where everybody takes part in every step."""
        if self.feedback == "l1" or not self.synchronous:
            return FLOAT_BITS * num_parameters
        return num_parameters if self.tie == "plus" else 2 * num_parameters
