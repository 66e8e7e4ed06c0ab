"""The server's side: what arrives, what is decided, and what a server is made of."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from torch import Tensor

from byzsgd.interfaces.values import OwnStream, S, value


@value
class Arrival:
    """All that a server may know of a delivery: never who is honest. Its tensors never change after delivery."""

    time: float  # virtual seconds
    worker: int  # 0 … n-1
    read_at: int  # server step of the model this vector was computed on, as the server believes it
    step: int  # server step now
    vector: Tensor  # (d,)
    read_params: Tensor | None  # (d,) that model: the server's own copy, read-only; None: see `needs_read_params`

    @property
    def staleness(self) -> int:
        """Server updates between the read and the delivery; 0 = no other update came between."""
        return self.step - self.read_at

    @property
    def model(self) -> Tensor:
        """(d,) `read_params`, for a server that has said that it looks at them."""
        if self.read_params is None:
            raise ValueError(f"a server needs needs_read_params=True to see read models; got worker={self.worker}")
        return self.read_params


@dataclass(frozen=True, slots=True, eq=False)
class ServerContext:
    """What a server is given once, before the first arrival; re-attached at resume, never saved."""

    num_workers: int
    params: Tensor  # (d,) live view of the model, read-only for the rule
    trusted_gradient: Callable[[Tensor], Tensor] | None = None  # full batch of the trusted split
    stream: OwnStream | None = None  # by step
    stamps: bool = True  # the server knows which version each worker read; False: it believes the worker


class Reply(enum.Enum):
    """What happens to the sender of a delivery."""

    DISPATCH = "dispatch"  # gets the model now
    HOLD = "hold"  # gets the model after the next update
    RESTART = "restart"  # everyone drops what is in flight and gets the model now


@value
class Decision:
    """The server's verdict on one arrival."""

    accepted: bool
    reason: str  # "accepted" or the name of the filter that refused
    weight: float  # the damping used; 0.0 when refused
    direction: Tensor | None  # (d,) to be subtracted (times the learning rate); None: no update. Aliases no state.
    scores: Mapping[str, float]  # what filters measured, e.g. lipschitz, lipschitz_threshold
    reply: Reply = Reply.DISPATCH
    cancel: tuple[int, ...] = ()  # workers whose job in flight is dropped and who get the new model


ACCEPTED = "accepted"
NOTHING: Mapping[str, float] = {}  # the scores of who measures nothing


def accept(
    direction: Tensor | None,
    weight: float = 1.0,
    scores: Mapping[str, float] = NOTHING,
    reply: Reply = Reply.DISPATCH,
    cancel: tuple[int, ...] = (),
) -> Decision:
    """The decision that takes a vector; `direction` (d,) is the update that it completes, None where it completes
    none."""
    return Decision(True, ACCEPTED, weight, direction, scores, reply, cancel)


def refuse(
    reason: str,
    scores: Mapping[str, float] = NOTHING,
    reply: Reply = Reply.DISPATCH,
    cancel: tuple[int, ...] = (),
) -> Decision:
    """The decision that leaves the model as it is; `reason` names who or what refuses."""
    return Decision(False, reason, 0.0, None, scores, reply, cancel)


class Aggregator(Protocol[S]):
    """A whole server. Frozen; all that changes is in its State.

    One that gives its model to some workers at a time says so by `calls = True`, and names them by `called(state)`,
    which is asked at the beginning and after every update; the others wait.

    Laws: `preview` equals the last of the same `receive` calls and changes nothing; a refused vector changes no
    parameter; the rule object is unchanged by a run.
    """

    @property
    def expects(self) -> str:
        """What the worker rule must send: "vectors", or "deltas"."""

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the measurements its decisions can report, in the order of the record's columns."""

    @property
    def needs_read_params(self) -> bool:
        """Whether it looks at the models that arrivals were computed on; a server that does not say so does.
        False: they may be None, and need not be kept."""

    def check(self, num_workers: int) -> None:
        """Raises ValueError when n workers cannot be served (`<who> needs <condition>; got <values>`)."""

    def init(self, context: ServerContext) -> S: ...

    def receive(self, state: S, arrival: Arrival) -> Decision: ...

    def preview(self, state: S, arrivals: Sequence[Arrival]) -> Decision:
        """The last decision, were these delivered in turn (no update is applied between them); no side effects."""


@value
class Judgement:
    """A filter's answer on one arrival."""

    passes: bool
    vector: Tensor  # (d,) what the later parts see: the arrival's own, or transformed
    scores: Mapping[str, float] = field(default_factory=dict)
    memo: object = None  # computed by judge, used again by record


class Filter(Protocol[S]):
    """Accepts or refuses single arrivals. Its name is its key in the pipeline's mapping."""

    @property
    def scores(self) -> tuple[str, ...]: ...

    @property
    def needs_read_params(self) -> bool:
        """Whether it looks at `arrival.model`: of a pipeline's parts filters alone may; one that does not say does."""

    def check(self, num_workers: int) -> None: ...

    def init(self, context: ServerContext) -> S: ...

    def judge(self, state: S, arrival: Arrival) -> Judgement:
        """Pure."""

    def record(self, state: S, arrival: Arrival, judgement: Judgement | None, accepted: bool) -> None:
        """Once per arrival for every filter, after the verdict; None: an earlier filter refused, this was not asked."""

    def stepped(self, state: S, arrival: Arrival, undamped: Callable[[], Tensor]) -> None:
        """When a step is decided, before it is applied: `params` is still the old model."""


class Damping(Protocol):
    """The weight of a stale vector. A plain function of the arrival takes its state as None; one with a state has an
    `init(context)` beside this."""

    def __call__(self, state: Any, arrival: Arrival, /) -> float: ...


@value
class Collected:
    """The vectors of one step, as a collector hands them on: k damped ones and the same k undamped."""

    vectors: tuple[Tensor, ...]  # k of (d,), damped
    raw: tuple[Tensor, ...]  # k of (d,), before damping; the same tuple when nothing was damped
    weights: tuple[float, ...] | None  # k, for weighted rules
    workers: tuple[int, ...]  # k, the sender of each row (the bucket, where a row is a bucket)
    reply: Reply = Reply.DISPATCH  # to the sender that completed the step


class Collector(Protocol[S]):
    """Decides when there is a step, and from which vectors."""

    waiting: ClassVar[Reply]  # the reply to an accepted vector that completes nothing
    constant_rows: ClassVar[bool]  # whether every step has the same number of vectors

    @property
    def weighted(self) -> bool:
        """Whether it gives weights."""

    def check(self, num_workers: int) -> None: ...

    def rows(self, num_workers: int) -> int:
        """The least number of vectors that a rule is given at a step."""

    def init(self, context: ServerContext) -> S: ...

    def add(self, state: S, arrival: Arrival, vector: Tensor, raw: Tensor) -> Collected | None:
        """`vector` is Λ·raw; `raw` is what the filters let through. The same object when Λ is 1."""


class Rule(Protocol):
    """A pure function (k, d) -> (d,), never mutating or aliasing its input."""

    def __call__(self, vectors: Tensor, /) -> Tensor: ...


class WeightedRule(Protocol):
    """A pure function (k, d), (k,) -> (d,)."""

    def __call__(self, vectors: Tensor, weights: Tensor, /) -> Tensor: ...


class PreAggregator(Protocol):
    """A pure function (k, d) -> (k', d) before the rule."""

    def __call__(self, vectors: Tensor, /) -> Tensor: ...


class StatefulRule(Protocol[S]):
    """The form in which the pipeline uses rules and pre-aggregators; plain functions are lifted to it."""

    @property
    def weighted(self) -> bool: ...

    def check(self, rows: int) -> int:
        """Raises ValueError when k = `rows` vectors are too few; returns the number of rows it hands on (1: a rule)."""

    def init(self, context: ServerContext) -> S: ...

    def aggregate(self, state: S, vectors: Tensor, weights: Tensor | None, step: int) -> tuple[Tensor, S]:
        """Pure: (k, d) -> (d,) for a rule, (k', d) for a pre-aggregator, and the next state."""


class Optimizer(Protocol[S]):
    """Applies directions to the flat model in place."""

    def init(self, params: Tensor) -> S: ...

    def apply(self, state: S, params: Tensor, direction: Tensor, step: int) -> None:
        """`step` counts the updates before this one. `params` is written in place."""
