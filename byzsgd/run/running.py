"""One run under way: what is done after every event, and left when it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from byzsgd.interfaces import Event
from byzsgd.kernel.jobs import HonestNotFinite
from byzsgd.kernel.lookahead import events
from byzsgd.records import Run
from byzsgd.records.checkpoints import size_of
from byzsgd.records.rows import Block
from byzsgd.run.budget import Budget
from byzsgd.run.metrics import dissimilarity_of
from byzsgd.run.path import say_once
from byzsgd.run.prepared import Prepared
from byzsgd.run.saving import Saving
from byzsgd.run.screen import Screen
from byzsgd.run.signals import Stopped
from byzsgd.run.stores import Store

if TYPE_CHECKING:
    from byzsgd.kernel.compiled.stretch import Stretches

BLOCK = 512  # deliveries that the recorder is given at once
Status = Literal["finished", "diverged", "stalled"]


class Running:
    """A run between its first event and its last."""

    def __init__(
        self, prepared: Prepared, budget: Budget, eval_every: int, saving: Saving, store: Store, screen: Screen
    ) -> None:
        self.prepared, self.budget, self.store, self.screen = prepared, budget, store, screen
        self.eval_every, self.saving = eval_every, saving
        self.started = time.perf_counter()
        params = prepared.initial.clone()
        fresh = prepared.begin(params)  # before the store: what is refused leaves nothing behind
        resumed = store.resume(params, prepared.contexts(params))
        self.world = fresh if resumed is None else resumed
        if resumed is None:
            store.studied = prepared.study.init()
        self.stretches: Stretches | None = None  # while compiled code plays
        self.block = Block(store.recorder.scores)
        measured = prepared.evaluation.measured(self.world)
        self.names = tuple(measured)
        if resumed is None:
            self._record(measured)

    def _stretches(self) -> Stretches:
        """Compiled code that plays this world."""
        from byzsgd.kernel.compiled.cache import news  # Numba takes half a second to import
        from byzsgd.kernel.compiled.stretch import Stretches

        say_once(self.screen.say, news())
        prepared = self.prepared
        assert prepared.plan is not None
        limits = self.budget.updates, self.budget.time
        return Stretches(prepared.plan, prepared.kernel, self.world, prepared.engine, prepared.problem,
                         prepared.batches, self.store.recorder.scores, *limits)  # fmt: skip

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
        return self.looked()

    def looked(self) -> Status | None:
        """Evaluates and saves where it is time to; the status of the run if it has ended."""
        world = self.world
        spent, due = self.budget.spent(world), world.arrivals % self.eval_every == 0
        if spent and not due:
            self._mark()
        if spent or due:
            if not bool(torch.isfinite(self.params).all()):
                return self._diverged("the model is not finite")
            self._record(self.prepared.evaluation.measured(self.world))
        if spent:
            if due:
                self._mark()
            return "finished"
        if self.store.lasting and self.saving.due(world.arrivals, self._size):
            self.checkpoint()
        return None

    def until(self) -> int:
        """How many deliveries there may be before it is time to look."""
        arrivals = self.world.arrivals
        ends = (self.eval_every - arrivals % self.eval_every, self.budget.arrivals - arrivals)
        return min(*ends, self.saving.left(arrivals) or ends[0])

    def _mark(self) -> None:
        self.hand_over()
        self.store.mark()

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
        with self.saving.timed():
            self.hand_over()
            self._give_back()
            self.store.checkpoint(self.world, self.seconds)

    def _give_back(self) -> None:
        if self.stretches is not None:
            self.stretches.give_back()

    def _size(self) -> int:
        self._give_back()
        return size_of(self.world)

    def end(self, status: Status) -> Run:
        self.hand_over()
        if "dissimilarity" in self.names:
            self.store.recorder.flush(dissimilarity_of(self.store.recorder.run().metrics))
        for line in self.prepared.kernel.scheme.remarks(self.world):
            self.screen.say(line)
        self._give_back()
        nodes = self.prepared.evaluation.nodes(self.world)
        run = self.store.close(status, self.world, self.params, nodes, self.seconds)
        self.screen.end(run)
        return run

    @property
    def seconds(self) -> float:
        """Wall time of this process on this run."""
        return time.perf_counter() - self.started

    def complete(self, stopped: Callable[[], int]) -> Run:
        """Runs to the end; once `stopped` names a signal, saves the state and raises Stopped."""
        try:
            for status in self.looks():
                if status is not None:
                    return self.end(status)
                if number := stopped():
                    self.hand_over()
                    self._give_back()
                    self.store.interrupt("interrupted", self.world, self.seconds)
                    raise Stopped(number)
        except HonestNotFinite as error:
            return self.end(self.broken(error))
        except Exception as error:
            self.failed(error)
            raise
        raise AssertionError("a run ends")

    def looks(self, arrivals: float = math.inf) -> Iterator[Status | None]:
        """Plays on, at most to so many arrivals, and comes back whenever it may be time to stop, with the status of the
        run if it has ended."""
        prepared, world = self.prepared, self.world
        begins = math.inf if prepared.plan is None else prepared.plan.begins
        deliveries = events(prepared.kernel, world, prepared.engine)
        while world.arrivals < min(begins, arrivals):
            event = next(deliveries, None)
            yield self.stalled() if event is None else self.after(event)
        while world.arrivals < arrivals:
            self.stretches = self.stretches or self._stretches()
            yield self.stretch(self.stretches, int(min(self.until(), arrivals - world.arrivals)))

    def stretch(self, stretches: Stretches, most: int) -> Status | None:
        """Up to so many deliveries by compiled code, or one that it does not know by the general path."""
        self.hand_over()
        try:
            end = stretches.play(most)
        finally:
            columns = stretches.columns()
            if columns:
                self.store.recorder.arrivals(columns)
                self.screen.block(columns)
        if end.stalled:
            return self.stalled()
        if not end.unknown:
            return self.looked()
        stretches.give_back(leave=True)
        event = self.prepared.kernel.deliver(self.world)
        assert event is not None
        return self.after(event)

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
