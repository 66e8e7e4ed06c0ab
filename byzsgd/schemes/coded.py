"""The scheme `coded`: redundant work, so that the server need not wait for stragglers, nor believe liars."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from byzsgd.codes.rounds import Code, CodeContext, CodeInUse, Decoded
from byzsgd.interfaces import (
    FLOAT_BITS,
    Arrival,
    Attack,
    Delay,
    Delivery,
    Outcome,
    Rule,
    SchemeContext,
    Verbs,
    W,
    accept,
    refuse,
)
from byzsgd.schemes.settled import Settled
from byzsgd.schemes.work import NODE, OneModel, Shares, busy_seconds, receptions, require_on_time


@dataclass(frozen=True, kw_only=True)
class Coded(Settled):
    """Rounds with redundant work: the server steps as soon as what has arrived decodes, and drops the rest.

    Worker i sends Σ_k B_ik g_k, g_k the sum of the gradients over part k: one batch of data block k, the same for
    whoever computes it. A job takes the clock's seconds times its worker's load over that of an uncoded one. Where
    `delay/communication` is a link, the server receives one message at a time. A round that can no longer decode ends
    the run as `stalled`.

    Tandon, Lei, Dimakis, Karampatziakis: Gradient Coding; ICML 2017, arXiv 1612.03301.
    """

    server: ClassVar[bool] = False

    code: Code
    rule: Rule | None = None  # of a code that ends with one

    @property
    def _rule(self) -> Rule | None:
        """The rule alone, where it stands in the form that nodes use."""
        alone: Rule | None = getattr(self.rule, "rule", self.rule)
        return alone

    def check(self, num_workers: int) -> None:
        self.code.check(num_workers, self._rule)

    def blocks(self, num_workers: int) -> int:
        return num_workers

    def admit(self, delay: Delay, attack: Attack) -> None:
        if hasattr(getattr(delay, "communication", None), "per_message"):
            require_on_time("scheme coded over a link", delay, attack)

    def bind(self, context: SchemeContext) -> CodedRounds:
        code = self.code.use(CodeContext(context.sizes, context.stream, self._rule))
        return CodedRounds(context, code, Shares.of_rows(code.coefficients, context.sizes))


@dataclass(eq=False)
class CodedState:
    """The round under way."""

    round: int = 0
    arrived: dict[int, Tensor] = field(default_factory=dict)  # worker -> its message
    doing: dict[int, int] = field(default_factory=dict)  # worker -> the round that it computes for


@dataclass(frozen=True, eq=False)
class CodedRounds(OneModel):
    """`Coded` for one run."""

    context: SchemeContext
    code: CodeInUse
    shares: Shares
    scores: ClassVar[tuple[str, ...]] = ("load", "dropped", "amplification", "left_out")

    def begin(self, kernel: Verbs[W], world: W) -> CodedState:
        state = CodedState()
        self._start(kernel, world, state, sorted(world.workers))
        return state

    def delivered(self, kernel: Verbs[W], world: W, delivery: Delivery) -> Outcome:
        state, worker, vector = world.scheme, delivery.job.worker, delivery.message.vector
        arrival = Arrival(delivery.time, worker, delivery.key[1], world.models.version[NODE], vector, None)
        scores = {"load": self.shares.loads[worker]}
        if state.doing.pop(worker) < state.round:  # it was away when its round ended
            self._start(kernel, world, state, [worker])
            return Outcome(arrival, refuse("late", scores), False)
        state.arrived[worker] = vector
        decoded = self.code.decoded(state.arrived, state.round)
        if decoded is None:
            return Outcome(arrival, accept(None, scores=scores), False)
        scores |= self._scores(state, decoded)
        if decoded.direction is not None:
            kernel.apply(world, NODE, decoded.direction)
        self._next_round(kernel, world, state)
        decision = accept(decoded.direction, scores=scores)
        return Outcome(arrival, decision, decoded.direction is not None)

    def _scores(self, state: CodedState, decoded: Decoded) -> dict[str, float]:
        count = len(self.shares.parts) - len(state.arrived)
        return {"dropped": count, "amplification": decoded.amplification, "left_out": decoded.left_out}

    def _next_round(self, kernel: Verbs[W], world: W, state: CodedState) -> None:
        free = list(state.arrived)
        for other in sorted(state.doing):
            if kernel.cancel(world, other):
                del state.doing[other]
                free.append(other)
        state.round, state.arrived = state.round + 1, {}
        self._start(kernel, world, state, sorted(free))

    def _start(self, kernel: Verbs[W], world: W, state: CodedState, workers: list[int]) -> None:
        version, clock = world.models.version[NODE], self.context.clock
        ready = [self.shares.seconds(self.context, world, worker) for worker in workers]
        ways = [clock.way(world.clock, worker) for worker in workers]
        seconds = receptions(ready, ways, self._busy)
        for worker, spent in zip(workers, seconds, strict=True):
            state.doing[worker] = state.round
            kernel.start(world, worker, NODE, self.shares.work(worker, version, state.round), spent)

    @property
    def _busy(self) -> float | None:
        """Seconds that a message takes at the server, where it comes over a link."""
        if self.context.link is None:
            return None
        numbers = self.context.num_parameters * len(self.shares.work(0, 0, 0).weights)
        return busy_seconds(self.context.link, FLOAT_BITS * numbers)
