"""Kardam's Lipschitz filter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.aggregators.filters.ranking import Ranking, from_the_top, ranking, replace
from byzsgd.checks import require
from byzsgd.interfaces import Arrival, Judgement, ServerContext, value
from byzsgd.interfaces.compiled import LipschitzMemory, compiled_as

HISTORY = 26  # coefficients per worker that `memory=max` looks back on, as in the authors' code


@value
class Observation:
    """A worker's vector and the model it was computed on, by reference: arrivals never change."""

    params: Tensor
    vector: Tensor


@dataclass
class LipschitzState:
    """Kardam's table and what is needed to extend it."""

    context: ServerContext
    table: Ranking  # one number per worker, +inf while it has none
    coefficients: dict[int, tuple[float, ...]] = field(default_factory=dict)  # per worker, oldest first
    latest: dict[int, Observation] = field(default_factory=dict)
    reference: dict[int, Observation] = field(default_factory=dict)  # the newest on another model than `latest`
    refusals: int = 0  # in a row, by this filter
    previous_params: Tensor | None = None  # model just before the last update
    previous_direction: Tensor | None = None  # undamped direction of that update


@value
class Lesson:
    """What a finite delivery teaches, judged or not."""

    delivery: Observation
    reference: Observation | None
    coefficients: tuple[float, ...]
    table: Ranking


@compiled_as("lipschitz", "f", "candidate", "memory", "warmup", "hatch")
@dataclass(frozen=True, kw_only=True)
class Lipschitz:
    """Refuses vectors that change faster than the model does: coefficient > (n−f)-th smallest of all workers'.

    A delivery (x_l, g) of worker p gives p the coefficient K_p = ‖g − g'‖ / ‖x_l − x'‖, with (x', g') its newest
    earlier delivery on another model. The table holds one number per worker (`memory`: its last coefficient, or the max
    of its 26 newest), +inf while it has none; the threshold is the element of index n−f−1 in ascending order, never an
    interpolated quantile, so that f liars cannot move it above the largest honest value. The candidate is K_p
    (`candidate=worker`), or ‖g − g_prev‖ / ‖x − x_prev‖ over the server's last update (`candidate=server`).
    `warmup=all` lets everything finite pass until all workers have a coefficient; `quorum` has no special case: +inf
    entries keep the threshold open until n−f workers have one. `hatch` lets the (n+1)-th refusal in a row pass. The
    theory needs n > 3f; `strict=false` computes it for n > f, as some published comparisons do.

    Kardam: Damaskinos, El Mhamdi, Guerraoui, Patra, Taziki, ICML 2018, arXiv 1802.07928.
    Differs: the paper leaves candidate, memory, warm-up and hatch open; the authors' template code reads them as
    server, max, all, true.
    """

    f: int
    candidate: Literal["worker", "server"]
    memory: Literal["last", "max"]
    warmup: Literal["all", "quorum"]
    hatch: bool
    strict: bool
    needs_read_params: ClassVar[bool] = True
    scores: tuple[str, ...] = field(default=("lipschitz", "lipschitz_threshold"), init=False, repr=False)

    def __post_init__(self) -> None:
        require(self.f >= 0, "lipschitz", "f >= 0", f=self.f)
        for name, choice, choices in (
            ("candidate", self.candidate, ("worker", "server")),
            ("memory", self.memory, ("last", "max")),
            ("warmup", self.warmup, ("all", "quorum")),
        ):
            require(choice in choices, "lipschitz", f"{name} {' or '.join(choices)}", **{name: choice})

    def check(self, num_workers: int) -> None:
        computable, needs = num_workers > self.f, "num_workers > f"
        if self.strict:
            computable, needs = num_workers > 3 * self.f, "num_workers > 3f"
        require(computable, "lipschitz", needs, num_workers=num_workers, f=self.f)

    def init(self, context: ServerContext) -> LipschitzState:
        return LipschitzState(context, ranking(math.inf, context.num_workers))

    def judge(self, state: LipschitzState, arrival: Arrival) -> Judgement:
        lesson = self._learn(state, arrival)
        if lesson is None:
            return Judgement(False, arrival.vector, _UNJUDGED)
        num_workers = state.context.num_workers
        with_coefficient = len(state.coefficients) + (
            bool(lesson.coefficients) and arrival.worker not in state.coefficients
        )
        if self.warmup == "all" and with_coefficient < num_workers:
            return Judgement(True, arrival.vector, _UNJUDGED, lesson)

        threshold = from_the_top(lesson.table, self.f)
        candidate = self._candidate(state, arrival, lesson.coefficients)
        passes = candidate <= threshold or (self.hatch and state.refusals >= num_workers)
        scores = {"lipschitz": candidate, "lipschitz_threshold": threshold}
        return Judgement(passes, arrival.vector, scores, lesson)

    def record(self, state: LipschitzState, arrival: Arrival, judgement: Judgement | None, accepted: bool) -> None:
        if judgement is None:
            lesson = self._learn(state, arrival)
        else:
            lesson = judgement.memo if isinstance(judgement.memo, Lesson) else None
        if lesson is None:
            return
        worker = arrival.worker
        state.table = lesson.table
        state.latest[worker] = lesson.delivery
        if lesson.coefficients:
            state.coefficients[worker] = lesson.coefficients
        if lesson.reference is not None:
            state.reference[worker] = lesson.reference
        if judgement is not None:
            state.refusals = 0 if judgement.passes else state.refusals + 1

    def stepped(self, state: LipschitzState, arrival: Arrival, undamped: Callable[[], Tensor]) -> None:
        if self.candidate != "server":
            return
        direction = undamped()
        if bool(direction.any()):
            state.previous_params = state.context.params.clone()
            state.previous_direction = direction.clone()

    def lay_out(self, state: LipschitzState) -> LipschitzMemory:
        """All of a state in numbers and pairs (model, vector): what a compiled stretch goes on from."""
        params, direction = state.previous_params, state.previous_direction
        return LipschitzMemory(
            latest={worker: (each.params, each.vector) for worker, each in state.latest.items()},
            reference={worker: (each.params, each.vector) for worker, each in state.reference.items()},
            coefficients=dict(state.coefficients),
            refusals=state.refusals,
            previous=None if params is None or direction is None else (params, direction),
        )

    def take_back(self, state: LipschitzState, memory: LipschitzMemory) -> None:
        """The state becomes the one of which `lay_out` is `memory`."""
        state.latest = {worker: Observation(*pair) for worker, pair in memory.latest.items()}
        state.reference = {worker: Observation(*pair) for worker, pair in memory.reference.items()}
        state.coefficients = dict(memory.coefficients)
        state.refusals = memory.refusals
        state.previous_params, state.previous_direction = memory.previous or (None, None)
        state.table = ranking(math.inf, state.context.num_workers)
        for coefficients in state.coefficients.values():
            state.table = replace(state.table, math.inf, max(coefficients))

    def _learn(self, state: LipschitzState, arrival: Arrival) -> Lesson | None:
        """None: the vector is not finite, and teaches nothing."""
        worker = arrival.worker
        delivery = Observation(arrival.model, arrival.vector)
        earlier = state.coefficients.get(worker, ())
        reference, distance, change = state.latest.get(worker), 0.0, 0.0
        if reference is not None:
            distance, change = _apart(delivery, reference)
            if distance == 0.0:  # the same model once more: measured against the delivery before
                reference = state.reference.get(worker)
                distance, change = (0.0, 0.0) if reference is None else _apart(delivery, reference)
        if reference is None:
            return Lesson(delivery, None, earlier, state.table) if _finite(delivery.vector) else None
        if not math.isfinite(change) and not _finite(delivery.vector):  # a finite distance to a finite vector says it
            return None
        new = _ratio(change, distance)
        coefficients = (*earlier[1 - HISTORY :], new) if self.memory == "max" else (new,)
        before, after = max(earlier, default=math.inf), max(coefficients)
        table = state.table if before == after else replace(state.table, before, after)
        return Lesson(delivery, reference, coefficients, table)

    def _candidate(self, state: LipschitzState, arrival: Arrival, coefficients: tuple[float, ...]) -> float:
        if self.candidate == "worker":
            return coefficients[-1] if coefficients else math.inf
        if state.previous_params is None or state.previous_direction is None:
            return math.inf
        change = _distance(arrival.vector, state.previous_direction)
        distance = _distance(state.context.params, state.previous_params)
        if distance == 0.0:
            return 0.0 if change == 0.0 else math.inf
        return _ratio(change, distance)


_UNJUDGED = {"lipschitz": math.nan, "lipschitz_threshold": math.nan}


def _finite(vector: Tensor) -> bool:
    # One pass decides the usual case; an infinite norm may still be a finite vector that overflows.
    return math.isfinite(torch.linalg.vector_norm(vector).item()) or bool(torch.isfinite(vector).all())


def _apart(one: Observation, other: Observation) -> tuple[float, float]:
    """How far the models are apart, and the vectors where the models are."""
    if one.params is other.params:
        return 0.0, 0.0
    models, vectors = torch.dist(one.params, other.params), torch.dist(one.vector, other.vector)
    if models.is_cpu:
        return models.item(), vectors.item()
    distance, change = torch.stack((models, vectors)).tolist()  # a GPU is waited for once
    return distance, change


def _distance(a: Tensor, b: Tensor) -> float:
    return 0.0 if a is b else torch.dist(a, b).item()


def _ratio(change: float, distance: float) -> float:
    # Two overflowing distances say nothing; a coefficient that is not a number would unsort the table.
    return math.inf if math.isinf(change) else change / distance
