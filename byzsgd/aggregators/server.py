"""What a server has that says nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from byzsgd.aggregators.foresight import foresee
from byzsgd.interfaces import Arrival, Decision, ServerContext
from byzsgd.interfaces.values import S


class Server(Generic[S]):
    """A server that serves any number of workers, measures nothing and wants vectors; what it is made of is `init` and
    `receive`. A server may be an `Aggregator` without this."""

    expects: str = "vectors"
    scores: tuple[str, ...] = ()
    needs_read_params: bool = True

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    def init(self, context: ServerContext) -> S:
        """The State before the first arrival."""
        raise NotImplementedError

    def receive(self, state: S, arrival: Arrival) -> Decision:
        """The decision on one arrival; `state` is changed in place."""
        raise NotImplementedError

    def preview(self, state: S, arrivals: Sequence[Arrival]) -> Decision:
        """The last of the same `receive` calls on a fork of the state."""
        return foresee(self, state, arrivals)
