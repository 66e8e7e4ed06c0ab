"""Every contract between the parts, on one page.

Legend: n workers, f declared liars, d parameters, k collected vectors, h visible honest messages, B batch size.
Vectors are flat torch tensors; times are virtual seconds; steps and versions count server updates.

Three rules hold for all of them:

* A part without state is a plain function; a part with state is a frozen dataclass beside an explicit `State`
  dataclass, so that any moment of a run can be saved. A `State` holds its context (re-attached at resume) and else
  only tensors, numbers, strings, None, tuples, dicts and dataclasses of those.
* A `State` is mutable, the tensors in it are not: they are replaced, never written to. So a state is forked by copying
  its containers, whatever d is.
* Data are positional (they come from the simulation), hyper-parameters are keyword-only (they come from YAML).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, dataclass_transform

import numpy as np
from torch import Tensor, nn

S = TypeVar("S")
V = TypeVar("V")
Knowledge = Literal["own", "delivered", "in_flight"]
SEES: tuple[Knowledge, ...] = ("own", "delivered", "in_flight")  # in growing order


@dataclass_transform(frozen_default=True)
def value(kind: type[V]) -> type[V]:
    """A dataclass that nobody changes: a type checker sees to that.

    Every delivery makes a dozen of these; `frozen=True` would take four times as long for each, and together as long as
    the update of a small model.
    """
    return dataclass(slots=True, unsafe_hash=True)(kind)


# ------------------------------------------------------------------------------------------------- the server's side


@value
class Arrival:
    """All that a server may know of a delivery: never who is honest. Its tensors never change after delivery."""

    time: float  # virtual seconds
    worker: int  # 0 … n-1
    read_at: int  # server step of the model this vector was computed on, as the server believes it
    step: int  # server step now
    vector: Tensor  # (d,)
    read_params: Tensor  # (d,) that model: the server's own copy, read-only

    @property
    def staleness(self) -> int:
        """Server updates between the read and the delivery; 0 = no other update came between."""
        return self.step - self.read_at


@dataclass(frozen=True, slots=True)
class ServerContext:
    """What a server is given once, before the first arrival; re-attached at resume, never saved."""

    num_workers: int
    params: Tensor  # (d,) live view of the model, read-only for the rule
    trusted_gradient: Callable[[Tensor], Tensor] | None = None  # full batch of the trusted split
    stream: Callable[[str, int], np.random.Generator] | None = None  # (name, step) -> generator
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


class Aggregator(Protocol[S]):
    """A whole server. Frozen; all that changes is in its State.

    Laws: `preview` equals the last of the same `receive` calls and changes nothing; a refused vector changes no
    parameter; the rule object is unchanged by a run.
    """

    @property
    def expects(self) -> str:
        """What the worker rule must send: "vectors", or "deltas"."""

    @property
    def scores(self) -> tuple[str, ...]:
        """Names of the measurements its decisions can report, in the order of the record's columns."""

    def check(self, num_workers: int) -> None:
        """Raises ValueError when n workers cannot be served (`<who> needs <condition>; got <values>`)."""

    def init(self, context: ServerContext) -> S: ...

    def receive(self, state: S, arrival: Arrival) -> Decision: ...

    def preview(self, state: S, arrivals: Sequence[Arrival]) -> Decision:
        """The last decision, were these delivered in turn (no update is applied between them); no side effects."""


# ---------------------------------------------------------------------------------------------- parts of the pipeline


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


# ------------------------------------------------------------------------------------------------- the workers' side


@value
class Job:
    """One unit of work of one worker. Ties in time go by (finish, worker, serial)."""

    worker: int
    serial: int  # j-th job of its worker, from 0; spent also when the job is lost
    read_at: int  # version of the model it reads
    start: float
    finish: float


@value
class BatchKey:
    """A batch is a function of (data block, serial), drawn from a stream of its own."""

    block: int
    serial: int


@value
class Batch:
    """Examples of one batch, or of g batches at once."""

    inputs: Tensor  # (B, …)
    targets: Tensor  # (B,) class numbers, or (B, …) real targets
    num_classes: int  # 0: real targets


@value
class Gradients:
    """Work: the mean gradient of each (model version, batch), m of them."""

    requests: tuple[tuple[int, BatchKey], ...]

    @property
    def versions(self) -> tuple[int, ...]:
        if len(self.requests) == 1:
            return (self.requests[0][0],)
        return tuple([version for version, _ in self.requests])


@value
class LocalSteps:
    """Work: plain SGD from `version` over the batches in turn; its result is the (1, d) difference start − end."""

    version: int
    batches: tuple[BatchKey, ...]
    lr: float

    @property
    def versions(self) -> tuple[int, ...]:
        return (self.version,)


Work = Gradients | LocalSteps


@value
class Task:
    """A job as an engine gets it: the work and the models that it names, in the order of `work.versions`."""

    job: Job
    work: Work
    params: tuple[Tensor, ...]  # (d,) each, never written to while the task is pending


class Engine(Protocol):
    """Computes what jobs ask for. Results must not depend on the grouping beyond rounding."""

    @property
    def name(self) -> str: ...

    @property
    def group(self) -> int:
        """How many jobs may be computed in one call; 1: none ahead of its turn."""

    @property
    def ahead(self) -> int:
        """How many results may wait for their delivery: what bounds the memory of looking ahead."""

    def results(self, tasks: Sequence[Task]) -> Sequence[Tensor]:
        """One (m, d) tensor per task; a row of its own for each, aliasing no parameter."""


@value
class Message:
    """What travels."""

    vector: Tensor  # (d,) as the server decodes it
    bits: int  # what it cost to send (32·d uncompressed)
    claimed_read_at: int | None = None  # staleness lying; ignored where the server stamps versions


class WorkerRule(Protocol[S]):
    """What a worker computes and sends: gradient, momentum, local steps, compression…"""

    sends: ClassVar[str]  # "vectors", or "deltas" for servers that keep only a running mean of them

    @property
    def sampling(self) -> Literal["replacement", "shuffle"]:
        """How batches are drawn from the worker's data block."""

    def init(self, worker: int) -> S: ...

    def plan(self, state: S, job: Job) -> Work:
        """Fixed when the job starts. Pure. Any version named is the job's own or one that `keeps` names."""

    def keeps(self, state: S) -> tuple[int, ...]:
        """Versions that the next plan may name beside its own."""

    def message(self, state: S, job: Job, results: Tensor) -> tuple[Message, S]:
        """(m, d) -> message and next state. Pure; the new state is committed at delivery, lost jobs leave no trace."""


# ---------------------------------------------------------------------------------------------------- the adversary


@dataclass(frozen=True, slots=True)
class AdversaryContext:
    """What an attack is given once."""

    num_workers: int
    byzantine: tuple[int, ...]  # ids of the liars
    f: int  # declared to the server
    num_parameters: int
    aggregator: Aggregator[Any]


@value
class View:
    """All that an adversary may know at the moment of sending."""

    worker: int
    own: Tensor  # (d,) what this worker would have sent (empty when `duration` asks)
    honest: Tensor  # (h, d) honest messages that the knowledge level shows (h may be 0); in flight: to `forge` alone
    params: Tensor  # (d,) current model
    read_params: Tensor  # (d,) model this worker read
    read_at: int
    step: int
    time: float
    num_workers: int
    num_byzantine: int
    f: int
    aggregator: Aggregator[Any]
    state: object  # the defence's state, read-only; ask it through aggregator.preview()
    rng: np.random.Generator  # of this message alone, and until the next view is made
    memory: object = None  # the attack's own State, from its init(context), saved with the run
    ready: tuple[int, ...] = ()  # liars whose finished message is held back, in order

    def arrival(self, vector: Tensor) -> Arrival:
        """What the server would see if this worker sent `vector` now: the argument of `preview`."""
        return Arrival(self.time, self.worker, self.read_at, self.step, vector, self.read_params)


class Attack:
    """What all liars do. Each part has a harmless default, which makes this class itself the honest worker.

    `sees`: the least knowledge that the attack can work with; a smaller `knowledge` is refused before the run. One
    that needs only its own data is shown nothing else, every other what `knowledge` grants. `timed`: whether it
    chooses its own timing. `claims`: how many updates back a version may lie that it claims to have read; a server
    that believes workers keeps copies that long.
    """

    sees: Knowledge = "own"
    timed: bool = False
    claims: int = 0

    def init(self, context: AdversaryContext) -> object:
        """The attack's own State, one for all liars together; it may be changed by `forge` and by nothing else."""
        return None

    def poison(self, batch: Batch) -> Batch:
        """What a liar's data look like; returns the same object when it changes nothing."""
        return batch

    def forge(self, view: View) -> Tensor | Message:
        """(d,) what the liar sends in place of `view.own`."""
        return view.own

    def duration(self, view: View, honest_seconds: float) -> float:
        """Seconds that the job starting now will take; inf: it is never delivered."""
        return honest_seconds

    def release(self, view: View) -> bool:
        """Asked when the job finishes and again after every later delivery: send now, or hold back?"""
        return True


# ------------------------------------------------------------------------------------------------ time and the world


@value
class Turn:
    """The next thing that the clock has to tell: a delivery, or a worker that comes back without one."""

    time: float
    worker: int
    job: Job | None  # None: the worker is back after an interruption and reads the model now


class Clock(Protocol[S]):
    """Decides who arrives next and which model version that worker had read."""

    prescribed: ClassVar[bool]  # staleness is drawn, not caused: jobs exist only from their turn on

    def check(self, num_workers: int) -> None: ...

    def init(self, num_workers: int) -> S: ...

    def seconds(self, state: S, worker: int) -> float:
        """How long an honest next job of this worker takes: a function of (seed, worker, serial) alone."""

    def dispatch(self, state: S, worker: int, read_at: int, time: float, seconds: float) -> Job | None:
        """The worker reads the model now. The job that starts; None where jobs start only at their turn, or where
        the worker is interrupted before it finishes."""

    def peek(self, state: S, step: int) -> Turn | None:
        """The next turn, unchanged by being asked; None: nothing can arrive any more."""

    def pop(self, state: S) -> None:
        """The turn that `peek` told has happened."""

    def hold(self, state: S, worker: int) -> None:
        """The worker waits (its delivery is answered with HOLD) until it is dispatched again."""

    def cancel(self, state: S, worker: int) -> None:
        """The job in flight of this worker is dropped; its serial stays spent."""

    def restart(self, state: S, step: int) -> None:
        """Everyone restarted from version `step`: nothing older is read any more."""

    def oldest(self, state: S, step: int) -> int:
        """The oldest version that a job not yet started may read."""

    def upcoming(self, state: S, count: int) -> Sequence[tuple[int, int, int]]:
        """(worker, serial, staleness) of the next arrivals, the one that `peek` tells first, where staleness is
        prescribed; nothing where it comes about."""

    @property
    def priced(self) -> bool:
        """Whether time costs money here."""

    def cost(self, start: float, finish: float) -> float:
        """Money spent on all workers together during [start, finish): a function of the clock alone."""


# The uniform numbers in [0, 1) of some workers at the serials asked for, as (workers, serials): a function of
# (seed, stream name, worker, serial), so any serial may be asked for at any time.
Draws = Callable[[range], np.ndarray]
Slots = Callable[[int, int], float]  # (worker, number of the slot of time) -> what it brings


class Delay(Protocol):
    """A law of time, as configured: seconds of a job, or staleness in updates, for every worker and serial."""

    prescribed: ClassVar[bool]

    def check(self, num_workers: int) -> None:
        """Raises ValueError when the law cannot serve n workers."""


class StalenessLaw(Delay, Protocol):
    """A prescribed law (`prescribed` is True): τ of the j-th job of every worker, from 0 to `max`."""

    max: int

    def staleness(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """(workers, serials) of int64."""


class JobLaw(Delay, Protocol):
    """A law of seconds (`prescribed` is False), with what stands around it; None: nothing does."""

    @property
    def communication(self) -> JobLaw | None:
        """Seconds of the way, added to those of the computation."""

    @property
    def heterogeneity(self) -> Heterogeneity | None: ...

    @property
    def availability(self) -> Availability | None: ...

    @property
    def byzantine(self) -> LiarsLaw | None: ...

    def seconds(self, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """(workers, serials) of float64: a job, before heterogeneity and communication; inf: it never ends."""


class Heterogeneity(Protocol):
    """How much slower than the law each worker computes."""

    def factors(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        """(n,) positive factors of the seconds."""


class LiarsLaw(Protocol):
    """How long the computations of Byzantine workers take."""

    def check_part(self, who: str, num_workers: int) -> None:
        """Raises ValueError, in the name of `who`, when it cannot stand inside a delay of n workers."""

    def liars(self, honest: np.ndarray, draws: Draws, workers: range, serials: range) -> np.ndarray:
        """(workers, serials): `honest` is what honest workers in their place would take."""


class Availability(Protocol):
    """When workers are there, and what their presence costs: functions of (worker, time) alone."""

    @property
    def priced(self) -> bool:
        """Whether anything costs anything, and so is worth recording."""

    def check(self, num_workers: int) -> None: ...

    def slots(self, draws: Draws, workers: range, slots: range) -> np.ndarray:
        """(workers, slots) what each slot of time brings by chance: a price, a number that decides who is there."""

    def outage(self, slots: Slots, worker: int, start: float, finish: float) -> tuple[float, float] | None:
        """The first [down, back) that leaves no room for a job over [start, finish]: down < finish, or down <= start.
        None: it can be done; back is inf when the worker never returns. finish is finite."""

    def cost(self, slots: Slots, worker: int, start: float, finish: float) -> float:
        """Money spent on this worker during [start, finish)."""


@value
class Event:
    """What happened at one delivery; everything that is recorded or drawn comes from these."""

    arrival: Arrival
    message: Message
    decision: Decision
    serial: int
    byzantine: bool
    read_at_true: int
    norm: float  # ‖message‖₂
    updated: bool


@dataclass(frozen=True, slots=True)
class Split:
    """Examples in memory, on the run's device."""

    inputs: Tensor  # (N, …)
    targets: Tensor  # (N,) class numbers, or (N, …) real targets
    groups: Tensor | None = None  # (N,) natural owner of each example (a writer), where the data say so


Loss = Literal["cross_entropy", "half_squared_error", "output"]  # "output": the model's output is the loss itself


class Augment(Protocol):
    """(B, …) inputs of a drawn batch -> their altered copy, on the device they are on."""

    def __call__(self, inputs: Tensor, rng: np.random.Generator, /) -> Tensor: ...


@dataclass(frozen=True, slots=True)
class Data:
    """A loaded dataset. The four splits are disjoint; `trusted` is the clean data that a server may have."""

    train: Split
    validation: Split
    test: Split
    trusted: Split
    num_classes: int  # 0: regression
    outputs: int  # width of the model's output layer
    loss: Loss
    class_names: tuple[str, ...] = ()
    note: str = ""  # what the record should say of the data, e.g. "subset"
    augment: Augment | None = None  # of training batches
    optimum: Tensor | None = None  # (d,) a known minimiser of the train loss of the dataset's own model
    smoothness: float | None = None  # L of the train loss, where known
    strong_convexity: float | None = None  # μ


class ModelFactory(Protocol):
    """(shape of one input, outputs) -> module; initialised from torch's global generator, which the caller has forked
    and seeded."""

    def __call__(self, input_shape: tuple[int, ...], outputs: int, /) -> nn.Module: ...


class Dataset(Protocol):
    """Frozen settings of a dataset; loading happens in `run`, never when it is built."""

    @property
    def model(self) -> ModelFactory:
        """What `model=default` stands for."""

    def load(self, root: Path | None, rng: np.random.Generator) -> Data:
        """Reads, checks and splits, on the CPU. `root` is `data_root`; ValueError names a missing or wrong file."""


class Partition(Protocol):
    """(train split, n, generator) -> n index arrays, disjoint, together all examples."""

    def __call__(self, split: Split, num_workers: int, rng: np.random.Generator, /) -> Sequence[np.ndarray]: ...


class Problem(Protocol):
    """Dataset and model together, as a function of the flat parameter vector."""

    @property
    def num_parameters(self) -> int: ...

    @property
    def optimum(self) -> Tensor | None:
        """(d,) a known minimiser of the train loss, where there is one."""

    def initial(self, rng: np.random.Generator) -> Tensor:
        """(d,) a fresh starting point."""

    def loss(self, params: Tensor, batch: Batch) -> Tensor:
        """() mean loss."""

    def gradient(self, params: Tensor, batch: Batch) -> Tensor:
        """(d,) of the mean loss, in new memory."""

    def evaluate(self, params: Tensor) -> dict[str, float]:
        """Metrics of the whole splits: train_loss, test_loss, test_accuracy and what the problem offers."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a tracker is told of a run before its first row."""

    name: str  # of its folder
    identity: str  # the same for every process that goes on with it
    folder: Path | None
    config: Mapping[str, Any]  # resolved


class Sink(Protocol):
    """Where a tracker puts the rows of one run."""

    def write(self, row: Mapping[str, float]) -> None:
        """One row of `run.metrics`, less what was not measured."""

    def close(self, status: str) -> None:
        """The run has ended, was interrupted or has failed."""


class Tracker(Protocol):
    """Frozen settings of a service that shows metrics. It may fail at any time: the run then goes on without it."""

    def open(self, run: Tracked) -> Sink: ...
