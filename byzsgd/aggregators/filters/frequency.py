"""Kardam's frequency filter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Judgement, ServerContext
from byzsgd.interfaces.compiled import FrequencyMemory, compiled_as


@dataclass
class FrequencyState:
    """When each worker was last accepted, counted in accepted vectors."""

    accepted: int = 0
    last: dict[int, int] = field(default_factory=dict)


@compiled_as("frequency", "f")
@dataclass(frozen=True, kw_only=True)
class Frequency:
    """Refuses a worker that sent one of the last 2f accepted vectors.

    Any 2f+1 consecutive accepted vectors then come from 2f+1 different workers, so at least f+1 of them are honest: the
    weakest rule with that guarantee. A cap of f vectors per worker in the window does not give it for f ≥ 2.

    The theory needs n > 3f. `strict=false` computes it for n > 2f: with fewer workers all would be refused for ever.

    Kardam: Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki, ICML 2018, arXiv 1802.07928.
    """

    f: int
    strict: bool
    needs_read_params: ClassVar[bool] = False
    scores: tuple[str, ...] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        require(self.f >= 0, "frequency", "f >= 0", f=self.f)

    def check(self, num_workers: int) -> None:
        computable, needs = num_workers > 2 * self.f, "num_workers > 2f"
        if self.strict:
            computable, needs = num_workers > 3 * self.f, "num_workers > 3f"
        require(computable, "frequency", needs, num_workers=num_workers, f=self.f)

    def init(self, context: ServerContext) -> FrequencyState:
        return FrequencyState()

    def judge(self, state: FrequencyState, arrival: Arrival) -> Judgement:
        last = state.last.get(arrival.worker)
        return Judgement(last is None or state.accepted - last >= 2 * self.f, arrival.vector)

    def record(self, state: FrequencyState, arrival: Arrival, judgement: Judgement | None, accepted: bool) -> None:
        if accepted:
            state.accepted += 1
            state.last[arrival.worker] = state.accepted

    def lay_out(self, state: FrequencyState) -> FrequencyMemory:
        """All of a state in numbers: what a compiled stretch goes on from."""
        return FrequencyMemory(state.accepted, dict(state.last))

    def take_back(self, state: FrequencyState, memory: FrequencyMemory) -> None:
        """The state becomes the one of which `lay_out` is `memory`."""
        state.accepted, state.last = memory.accepted, dict(memory.last)

    def stepped(self, state: FrequencyState, arrival: Arrival, undamped: Callable[[], Tensor]) -> None:
        """Updates do not matter here."""
