"""The loop of a run: it plays events, records and evaluates them, saves checkpoints, and ends the run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from byzsgd.interfaces import Engine, Event
from byzsgd.kernel.engine.layers import Layer
from byzsgd.kernel.jobs import HonestNotFinite
from byzsgd.kernel.lookahead import events
from byzsgd.records import Run
from byzsgd.records.checkpoints import size_of
from byzsgd.records.rows import Block
from byzsgd.run.budget import Budget
from byzsgd.run.engine_path import say_once
from byzsgd.run.metrics import dissimilarity_of
from byzsgd.run.prepared import Prepared
from byzsgd.run.saving import Saving
from byzsgd.run.screen import Screen
from byzsgd.run.signals import Stopped
from byzsgd.run.stores import Store

if TYPE_CHECKING:
    from byzsgd.kernel.compiled.stretch import Stretches

BLOCK = 512  # deliveries that the recorder takes at once
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
        fresh = prepared.begin(params)  # before the store writes: a refused state leaves no files
        resumed = store.resume(params, prepared.contexts(params))
        self.world = fresh if resumed is None else resumed
        if resumed is None:
            store.studied = prepared.study.init()
        self.stretches: Stretches | None = None  # while compiled code plays
        self.later: Engine | None = None  # while it computes gradients alone
        self.block = Block(store.recorder.scores)
        measured = prepared.evaluation.measured(self.world)
        self.names = tuple(measured)
        if resumed is None:
            self._record(measured)

    def _stretches(self) -> Stretches:
        """The compiled code that plays this world."""
        from byzsgd.kernel.compiled.cache import news  # Numba takes half a second to import
        from byzsgd.kernel.compiled.stretch import Stretches

        say_once(self.screen.say, news())
        prepared = self.prepared
        assert prepared.chosen.plan is not None
        limits = self.budget.updates, self.budget.time
        return Stretches(prepared.chosen.plan, prepared.kernel, self.world, prepared.engine, prepared.problem,
                         prepared.batches, self.store.recorder.scores, *limits)  # fmt: skip

    def _gradients(self, layers: Sequence[Layer]) -> Engine:
        """The engine in compiled code, which takes the place of the prepared one."""
        from byzsgd.kernel.compiled.cache import news
        from byzsgd.kernel.compiled.engine import compiled_gradients

        say_once(self.screen.say, news())
        prepared, now = self.prepared, self.prepared.engine
        poisons = dict.fromkeys(prepared.kernel.adversary.byzantine, prepared.kernel.adversary.attack)
        return compiled_gradients(layers, prepared.problem, prepared.batches, poisons, now.group, now.ahead)

    @property
    def params(self) -> Tensor:
        """(d,) the model that stands for the run."""
        return self.prepared.evaluation.model(self.world)

    def after(self, event: Event) -> Status | None:
        """Records one event and returns the status of the run if it was the last."""
        world = self.world
        self.block.add(self.prepared.study.seen(self.store.studied, event, world.channel))
        if len(self.block) >= BLOCK:
            self.hand_over()
        self.screen.event(event)
        return self.looked()

    def looked(self) -> Status | None:
        """Evaluates and saves if it is time to, and returns the status of the run if it has ended."""
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
        """How many deliveries there may be before an evaluation or a checkpoint can be due."""
        arrivals = self.world.arrivals
        ends = (self.eval_every - arrivals % self.eval_every, self.budget.arrivals - arrivals)
        return min(*ends, self.saving.left(arrivals) or ends[0])

    def _mark(self) -> None:
        self.hand_over()
        self.store.mark()

    def hand_over(self) -> None:
        """Hands the deliveries since the last block to the recorder."""
        if len(self.block):
            self.store.recorder.arrivals(self.block.take())

    def broken(self, error: HonestNotFinite) -> Status:
        """Ends a run at an honest vector that is not finite, and returns its status; raises where that is an error."""
        try:
            self.prepared.require_overflow(error)
        except FloatingPointError as reason:
            self.failed(reason)
            raise
        return self._diverged(str(error))

    def failed(self, error: Exception) -> None:
        """Records that an error ended the run."""
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
        """Runs to the end. When `stopped` returns a signal, saves the state and raises Stopped."""
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
        """Plays on, up to so many arrivals. After each event, or stretch, yields None, or the status of a run that has
        ended."""
        world, chosen = self.world, self.prepared.chosen
        yield from self._turns(self.prepared.engine, min(chosen.begins, arrivals))
        if chosen.chain is not None and world.arrivals < arrivals:
            self.later = self.later or self._gradients(chosen.chain)
            yield from self._turns(self.later, arrivals)
        while world.arrivals < arrivals:
            self.stretches = self.stretches or self._stretches()
            yield self.stretch(self.stretches, int(min(self.until(), arrivals - world.arrivals)))

    def _turns(self, engine: Engine, arrivals: float) -> Iterator[Status | None]:
        """Plays turns of the kernel with this engine until the world has had so many arrivals."""
        deliveries = events(self.prepared.kernel, self.world, engine)
        while self.world.arrivals < arrivals:
            event = next(deliveries, None)
            yield self.stalled() if event is None else self.after(event)

    def stretch(self, stretches: Stretches, most: int) -> Status | None:
        """Plays up to so many deliveries in compiled code. If that comes to one that it cannot play, the general path
        plays that one."""
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
        if "bits_up" not in measured:  # the evaluation of nodes counts the bits of exchanges itself
            row |= {"bits_up": world.channel.bits, "bits_down": world.channel.reads * self.prepared.read_bits}
        if clock.priced:
            row["cost"] = clock.cost(0.0, world.time)
        self.store.recorder.metrics(row)
        self.screen.metrics(row)

    def _diverged(self, reason: str) -> Status:
        # A result that figures can draw: accuracy 0, and NaN for losses.
        worst = dict.fromkeys(("test_accuracy", "validation_accuracy"), 0.0)
        self._record({name: worst.get(name, math.nan) for name in self.names})
        self.store.reason = reason
        return "diverged"
