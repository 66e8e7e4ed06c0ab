"""The adversary's side: what all liars together may know and do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, cast

import numpy as np
from torch import Tensor

from byzsgd.interfaces.compiled import compiled_as
from byzsgd.interfaces.server import Aggregator, Arrival
from byzsgd.interfaces.values import S, value
from byzsgd.interfaces.worker import Batch, Message

Knowledge = Literal["own", "delivered", "in_flight"]


SEES: tuple[Knowledge, ...] = ("own", "delivered", "in_flight")  # in growing order


@dataclass(frozen=True, slots=True)
class AdversaryContext:
    """What an attack is given once."""

    num_workers: int
    byzantine: tuple[int, ...]  # ids of the liars
    f: int  # declared to the server
    num_parameters: int
    aggregator: Aggregator | None  # None: the scheme has no server


@value
class Neighbourhood:
    """What meets at the node that is lied to."""

    own: Tensor  # (d,) its model
    honest: Tensor  # (h, d) models of its honest neighbours
    weights: Tensor  # (h,) theirs
    lying: float  # Σ of the weights of its lying neighbours


@value
class View(Generic[S]):
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
    aggregator: Aggregator  # None where the scheme has no server: an attack that `previews` is refused there
    state: object  # the defence's state, read-only; ask it through aggregator.preview()
    rng: np.random.Generator  # of this message alone, and until the next view is made
    memory: S = cast(S, None)  # the attack's own State, from its init(context), saved with the run
    ready: tuple[int, ...] = ()  # liars whose finished message is held back, in order
    receiver: int | None = None  # the neighbour to whom this is sent, whose model `params` is; None: the server
    neighbourhood: Neighbourhood | None = None  # of the receiver, in flight

    def arrival(self, vector: Tensor) -> Arrival:
        """What the server would see if this worker sent `vector` now: the argument of `preview`."""
        return Arrival(self.time, self.worker, self.read_at, self.step, vector, self.read_params)


@compiled_as("own")
class Attack(Generic[S]):
    """What all liars do. Each part has a harmless default, which makes this class itself the honest worker.

    `sees`: the least knowledge that the attack can work with; a smaller `knowledge` is refused before the run. One that
    needs only its own data is shown nothing else, every other what `knowledge` grants. `timed`: whether it chooses its
    own timing. `previews`: whether it asks the server in advance, and so needs one; `neighbours`: whether it lies to
    neighbours, and so needs them. `claims`: how many updates back a version may lie that it claims to have read; a
    server that believes workers keeps copies that long.
    """

    sees: Knowledge = "own"
    timed: bool = False
    previews: bool = False
    neighbours: bool = False
    claims: int = 0

    def init(self, context: AdversaryContext) -> S:
        """The attack's own State, one for all liars together; it may be changed by `forge` and by nothing else."""
        return cast(S, None)

    def poison(self, batch: Batch) -> Batch:
        """What a liar's data look like; returns the same object when it changes nothing."""
        return batch

    def wants(self, batch: Batch) -> Batch:
        """What the liars want the model to answer: examples with their trigger, targets as they want them. The same
        object where they want nothing of the kind; its share of successes is the metric `attack_success`."""
        return batch

    def forge(self, view: View[S]) -> Tensor | Message:
        """(d,) what the liar sends in place of `view.own`."""
        return view.own

    def duration(self, view: View[S], honest_seconds: float) -> float:
        """Seconds that the job starting now will take; inf: it is never delivered."""
        return honest_seconds

    def release(self, view: View[S]) -> bool:
        """Asked when the job finishes and again after every later delivery: send now, or hold back?"""
        return True
