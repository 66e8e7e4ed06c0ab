"""One run under way: what is done after every event, and left when it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Literal

import torch
from torch import Tensor

from byzsgd.interfaces import Event
from byzsgd.kernel.jobs import HonestNotFinite
from byzsgd.kernel.lookahead import events
from byzsgd.records import Run
from byzsgd.records.rows import Block
from byzsgd.run.budget import Budget
from byzsgd.run.metrics import dissimilarity_of
from byzsgd.run.prepared import Prepared
from byzsgd.run.screen import Screen
from byzsgd.run.stores import Store

BLOCK = 512  # deliveries that the recorder is given at once
Status = Literal["finished", "diverged", "stalled"]


class Running:
    """A run between its first event and its last."""

    def __init__(
        self, prepared: Prepared, budget: Budget, eval_every: int, checkpoint_every: int, store: Store, screen: Screen
    ) -> None:
        self.prepared, self.budget, self.store, self.screen = prepared, budget, store, screen
        self.eval_every, self.checkpoint_every = eval_every, checkpoint_every
        self.started = time.perf_counter()
        params = prepared.initial.clone()
        fresh = prepared.begin(params)  # before the store: what is refused leaves nothing behind
        resumed = store.resume(params, prepared.contexts(params))
        self.world = fresh if resumed is None else resumed
        if resumed is None:
            store.studied = prepared.study.init()
        self.block = Block(store.recorder.scores)
        measured = prepared.evaluation.measured(self.world)
        self.names = tuple(measured)
        if resumed is None:
            self._record(measured)

    @property
    def params(self) -> Tensor:
        """(d,) the model that stands for the run."""
        return self.prepared.evaluation.model(self.world)

    def after(self, event: Event) -> Status | None:
        """Records one event; the status of the run if it was the last."""
        world = self.world
        self.block.add(self.prepared.study.seen(self.store.studied, event, world.channel))
        if len(self.block) >= BLOCK:
            self.hand_over()
        self.screen.event(event)
        spent = self.budget.spent(world)
        if spent or world.arrivals % self.eval_every == 0:
            if not bool(torch.isfinite(self.params).all()):
                return self._diverged("the model is not finite")
            self._record(self.prepared.evaluation.measured(self.world))
        if spent:
            return "finished"
        if world.arrivals % self.checkpoint_every == 0:
            self.checkpoint()
        return None

    def hand_over(self) -> None:
        """The deliveries since the last block go to the recorder."""
        if len(self.block):
            self.store.recorder.arrivals(self.block.take())

    def broken(self, error: HonestNotFinite) -> Status:
        """The status of a run that ends with an honest vector that is not finite; raises where that is an error."""
        try:
            self.prepared.require_overflow(error)
        except FloatingPointError as reason:
            self.failed(reason)
            raise
        return self._diverged(str(error))

    def failed(self, error: Exception) -> None:
        """Leaves the run as one that an error ended."""
        self.store.reason = " ".join(str(error).split())
        self.hand_over()
        self.store.interrupt("failed", None, self.seconds)

    def stalled(self) -> Status:
        self._record(self.prepared.evaluation.measured(self.world))
        self.store.reason = "nothing can arrive any more: every worker is held, crashed or silent"
        return "stalled"

    def checkpoint(self) -> None:
        self.hand_over()
        self.store.checkpoint(self.world, self.seconds)

    def end(self, status: Status) -> Run:
        self.hand_over()
        if "dissimilarity" in self.names:
            self.store.recorder.flush(dissimilarity_of(self.store.recorder.run().metrics))
        for line in self.prepared.kernel.scheme.remarks(self.world):
            self.screen.say(line)
        nodes = self.prepared.evaluation.nodes(self.world)
        run = self.store.close(status, self.params, nodes, self.seconds)
        self.screen.end(run)
        return run

    @property
    def seconds(self) -> float:
        """Wall time of this process on this run."""
        return time.perf_counter() - self.started

    def complete(self, stopped: Callable[[], bool]) -> Run:
        """Runs to the end; once `stopped` says so, saves the state and raises KeyboardInterrupt."""
        try:
            for event in events(self.prepared.kernel, self.world, self.prepared.engine):
                status = self.after(event)
                if status is not None:
                    return self.end(status)
                if stopped():
                    self.hand_over()
                    self.store.interrupt("interrupted", self.world, self.seconds)
                    raise KeyboardInterrupt
        except HonestNotFinite as error:
            return self.end(self.broken(error))
        except Exception as error:
            self.failed(error)
            raise
        return self.end(self.stalled())

    def _record(self, measured: Mapping[str, float | None]) -> None:
        world, clock = self.world, self.prepared.kernel.clock
        row = {"step": world.updates, "time": world.time, "arrivals": world.arrivals, **measured}
        if "bits_up" not in measured:  # else nodes count what they exchange
            row |= {"bits_up": world.channel.bits, "bits_down": world.channel.reads * self.prepared.read_bits}
        if clock.priced:
            row["cost"] = clock.cost(0.0, world.time)
        self.store.recorder.metrics(row)
        self.screen.metrics(row)

    def _diverged(self, reason: str) -> Status:
        # Drawn as a result: the worst accuracy, and losses that no axis can show.
        worst = dict.fromkeys(("test_accuracy", "validation_accuracy"), 0.0)
        self._record({name: worst.get(name, math.nan) for name in self.names})
        self.store.reason = reason
        return "diverged"
