"""The workers' side: jobs, what they compute, who computes it, and what is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from torch import Tensor

from byzsgd.interfaces.values import OwnStream, S, key, value


@key
class Job:
    """One unit of work of one worker. Ties in time go by (finish, worker, serial)."""

    worker: int
    serial: int  # j-th job of its worker, from 0; spent also when the job is lost
    read_at: int  # version of the model it reads
    start: float
    finish: float


@key
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


@key
class Gradients:
    """Work: the mean gradient of each (model version, batch), m of them."""

    requests: tuple[tuple[int, BatchKey], ...]

    @property
    def versions(self) -> tuple[int, ...]:
        if len(self.requests) == 1:
            return (self.requests[0][0],)
        return tuple([version for version, _ in self.requests])


@key
class LocalSteps:
    """Work: plain SGD from `version` over the batches in turn; its result is the (1, d) difference start − end."""

    version: int
    batches: tuple[BatchKey, ...]
    lr: float

    @property
    def versions(self) -> tuple[int, ...]:
        return (self.version,)


@key
class Combined:
    """Work: Σ_k weights[i][k]·(mean gradient of batches[k]) at one version, for every row i of weights, one row behind
    the other: (1, rows·d).

    All batches have the serial of a round, and other workers compute them too: equal sums are equal to the bit.
    """

    version: int
    batches: tuple[BatchKey, ...]
    weights: tuple[tuple[float, ...], ...]

    @property
    def versions(self) -> tuple[int, ...]:
        return (self.version,)


@key
class ClippedSum:
    """Work: Σ_e g_e·min(1, clip/‖g_e‖) over the examples e of a batch, as (1, d); their mean with `mean`."""

    version: int
    batch: BatchKey
    clip: float
    order: Literal[1, 2]  # of the norm
    mean: bool

    @property
    def versions(self) -> tuple[int, ...]:
        return (self.version,)


Work = Gradients | LocalSteps | Combined | ClippedSum

# How batches are drawn from a worker's data block: with replacement, as permutations, or always the whole of it.
Sampling = Literal["replacement", "shuffle", "full"]


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


FLOAT_BITS = 32  # of a number on the wire, whatever type computes


@value
class Message:
    """What travels."""

    vector: Tensor  # (d,) as the server decodes it
    bits: int  # what it cost to send
    claimed_read_at: int | None = None  # staleness lying; ignored where the server stamps versions

    @classmethod
    def uncompressed(cls, vector: Tensor, claimed_read_at: int | None = None) -> Message:
        """`vector` as it is."""
        return cls(vector, FLOAT_BITS * vector.numel(), claimed_read_at)


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """What a worker rule is given once for each worker. It is data, so a State that holds it is saved with it."""

    worker: int
    num_parameters: int  # d
    layers: tuple[int, ...]  # sizes of the model's parameter tensors in flat order; their sum is d
    stream: OwnStream  # by serial


class WorkerRule(Protocol[S]):
    """What a worker computes and sends: gradient, momentum, local steps, compression…

    One that sends any (1, d) result as it is says `sends_results = True`: a scheme may name its work.
    """

    sends: ClassVar[str]  # "vectors", or "deltas" for servers that keep only a running mean of them

    @property
    def sampling(self) -> Sampling:
        """How batches are drawn from the worker's data block."""

    def init(self, context: WorkerContext) -> S:
        """The State of one worker; it may keep its context."""

    def plan(self, state: S, job: Job) -> Work:
        """Fixed when the job starts. Pure. Any version named is the job's own or one that `keeps` names."""

    def keeps(self, state: S) -> tuple[int, ...]:
        """Versions that the next plan may name beside its own."""

    def message(self, state: S, job: Job, results: Tensor) -> tuple[Message, S]:
        """(m, d) -> message and next state. Pure; the new state is committed at delivery, lost jobs leave no trace."""
