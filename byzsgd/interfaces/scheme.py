"""The scheme: who reads whose model when, and what a delivery means."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

from torch import Tensor

from byzsgd.interfaces.adversary import Attack
from byzsgd.interfaces.server import Aggregator, Arrival, Decision, Optimizer, ServerContext
from byzsgd.interfaces.time import Clock, Delay, LinkLaw
from byzsgd.interfaces.values import S, Stream, value
from byzsgd.interfaces.worker import Job, Message, Work

S_co = TypeVar("S_co", covariant=True)  # the State, which comes back as a part of the world
Key = tuple[int, int]  # (node, version): a model as it was after so many updates of that node; node 0 is the server


@value
class Delivery:
    """A message that has come, before anybody has looked at it."""

    job: Job
    key: Key  # the model that the job read
    read_params: Tensor | None  # (d,) that model; None only where the scheme's server does not look at it
    message: Message
    time: float  # virtual seconds


@value
class Outcome:
    """What a scheme made of a delivery; the kernel adds who lied, the norm and the true version."""

    arrival: Arrival
    decision: Decision
    updated: bool  # whether a model was written
    bits: int | None = None  # all that was sent because of it; None: the message alone


@value
class SchemeContext:
    """What a run knows before it begins, for the scheme that it is played under."""

    num_workers: int
    byzantine: tuple[int, ...]  # for the record, and to let liars fall short of a rule: no other decision may look
    stream: Stream
    num_parameters: int  # d
    optimizer: Optimizer
    loss: Callable[[Tensor, int, int], float]  # (model (d,), worker, serial) -> its loss on that worker's batch
    clock: Clock
    stamps: bool  # the receiver knows which version each worker read; false: it believes them
    claims: int  # how many updates back a version may lie that a liar claims to have read
    sizes: tuple[int, ...] = ()  # examples of one batch of every data block
    link: LinkLaw | None = None  # what a message takes, where that is the law of the way
    aggregator: Aggregator | None = None  # of a scheme with a server
    server: Callable[[Tensor], ServerContext] | None = None  # around a live model


@value
class Edge:
    """A model on its way to one neighbour."""

    sender: int
    receiver: int
    number: int  # of the sender's round, or of its job
    model: Tensor  # (d,) as the algorithm would send it
    own: Tensor  # (d,) what the receiver mixes it into
    neighbours: tuple[int, ...]  # of the receiver, with their
    weights: Tensor  # (k,) and
    models: Sequence[Tensor]  # k of (d,), as the algorithm would send them


class ReadModels(Protocol):
    """What a scheme may read of the models."""

    @property
    def live(self) -> Mapping[int, Tensor]:
        """Node -> (d,)."""

    @property
    def version(self) -> Mapping[int, int]:
        """Node -> how many updates its model had."""

    def snapshot(self, key: Key) -> Tensor:
        """(d,) a version that somebody may still read."""


class World(Protocol[S]):
    """What a scheme may read of the kernel's explicit state; it changes it by verbs alone, but for its own State."""

    scheme: S  # its own State

    @property
    def models(self) -> ReadModels: ...

    @property
    def clock(self) -> object:
        """The clock's State."""

    @property
    def workers(self) -> Mapping[int, object]:
        """Worker -> the State of its rule."""

    @property
    def pending(self) -> Mapping[int, object]:
        """Worker -> its job in flight."""

    @property
    def time(self) -> float:
        """Virtual seconds."""

    @property
    def arrivals(self) -> int: ...

    @property
    def updates(self) -> int:
        """Directions applied, to all nodes together."""


W = TypeVar("W", bound=World)
W_contra = TypeVar("W_contra", contravariant=True)


class SentModels(Protocol[W_contra]):
    """Who lies is no business of a scheme: it asks for every edge."""

    def sent_model(self, world: W_contra, edge: Edge) -> Tensor:
        """(d,) what the sender says its model is; `edge.model` itself where it does not lie. Asked once for each
        receiver, in the order in which they take it."""


class Verbs(Protocol[W_contra]):
    """All that a scheme can do to the world."""

    def start(
        self, world: W_contra, worker: int, node: int, work: Work | None = None, seconds: float | None = None
    ) -> None:
        """The worker reads the node's model now. None: the worker rule plans the work, the clock draws the seconds."""

    def cancel(self, world: W_contra, worker: int) -> bool:
        """The worker's job, if it has one, is dropped, its serial stays spent; whether it now waits to be started."""

    def apply(self, world: W_contra, node: int, direction: Tensor) -> None:
        """An optimizer step of the node along `direction` (d,): its version grows by one."""

    def assign(self, world: W_contra, node: int, params: Tensor) -> None:
        """The node's model becomes a copy of `params` (d,)."""

    @property
    def adversary(self) -> SentModels[W_contra]:
        """Through whom every model goes that a node tells a neighbour."""


class Scheme(Protocol[S_co]):
    """Frozen; all that changes is in its State, part of the world and saved with it.

    Laws: a worker whose message was delivered, or whose job was cancelled, does nothing until it is started again; one
    delivery raises the version of every node that it writes by one.
    """

    scores: tuple[str, ...]  # names of the measurements that its decisions can report
    facts: Mapping[str, object]  # for the record: plain numbers and texts

    def check(self, num_workers: int) -> None:
        """Raises ValueError when n workers cannot be served (`<who> needs <condition>; got <values>`)."""

    def nodes(self, num_workers: int) -> int:
        """How many models there are: 1 for a server, n for gossip."""

    def keeps(self, world: World) -> int:
        """How many versions back stay readable without a reader (claims, prescribed clocks)."""

    def begin(self, kernel: Verbs[W], world: W) -> S_co:
        """Starts the first jobs, at time 0."""

    def delivered(self, kernel: Verbs[W], world: W, delivery: Delivery) -> Outcome:
        """Called once for each delivery, in the order of time."""

    def remarks(self, world: World) -> tuple[str, ...]:
        """What should be said at the end of a run, a line each."""


class SchemeSettings(Protocol):
    """A scheme as configured: it becomes one that plays when it is given what the run knows."""

    server: ClassVar[bool]  # whether it takes an aggregator
    edges: ClassVar[bool]  # whether nodes tell each neighbour their model, which is then what liars forge

    def check(self, num_workers: int) -> None:
        """Raises ValueError when n workers cannot be served (`<who> needs <condition>; got <values>`)."""

    def bind(self, context: SchemeContext) -> Scheme[object]: ...

    def pilot(self) -> SchemeSettings | None:
        """The scheme whose run tells a number that this one lacks; None: it lacks none."""

    def piloted(self, measured: Mapping[str, float]) -> SchemeSettings:
        """The scheme with that number: `measured` holds the largest value of every score of the pilot's run."""


@runtime_checkable
class MeetsNeighbours(SchemeSettings, Protocol):
    """A scheme whose nodes mix their neighbours' models by a rule."""

    def guard(self, num_workers: int, byzantine: Collection[int]) -> None:
        """Raises ValueError when an honest node has too few neighbours for the rule."""


@runtime_checkable
class NamesWork(SchemeSettings, Protocol):
    """A scheme that names what its workers compute: in every round one batch of each data block, by whom it says."""

    def blocks(self, num_workers: int) -> int:
        """How many blocks the training data are cut into."""

    def admit(self, delay: Delay, attack: Attack) -> None:
        """Raises ValueError when the times of its rounds cannot be those of this delay and attack."""
