"""The base of servers: defaults for what most of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic

from byzsgd.aggregators.foresight import foresee
from byzsgd.interfaces import Arrival, Decision, ServerContext
from byzsgd.interfaces.values import S


class Server(ABC, Generic[S]):
    """Serves any number of workers, measures nothing and expects vectors. A subclass writes `init` and `receive`. A
    class that has the methods of `Aggregator` is a server without this base too."""

    expects: str = "vectors"
    scores: tuple[str, ...] = ()
    needs_read_params: bool = True

    def check(self, num_workers: int) -> None:
        """Any number of workers will do."""

    @abstractmethod
    def init(self, context: ServerContext) -> S:
        """The State before the first arrival."""

    @abstractmethod
    def receive(self, state: S, arrival: Arrival) -> Decision:
        """The decision on one arrival; `state` is changed in place."""

    def preview(self, state: S, arrivals: Sequence[Arrival]) -> Decision:
        """The last of the same `receive` calls on a fork of the state."""
        return foresee(self, state, arrivals)
