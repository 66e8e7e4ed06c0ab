"""One run under way: what is built before it, done after every event, and left when it ends."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import polars as pl
import torch
from torch import Tensor

from byzsgd.aggregators.declaration import NonFiniteRows
from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, BatchKey, Engine, Event, Gradients, ServerContext, Task
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.dissimilarity import least_bound
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.simulation import HonestNotFinite, Simulation, SimulationState
from byzsgd.records import Run
from byzsgd.records.tree import check
from byzsgd.stores import Store
from byzsgd.study import Study

Status = Literal["finished", "diverged", "stalled"]
Request = tuple[Engine, Sequence[Task]]  # work that a run cannot go on without
Turns = Generator[Request, Sequence[Tensor], Run]  # a run: asks for results, is sent them, and returns in the end


@dataclass(frozen=True)
class Facts:
    """What a screen may say of a run before it starts."""

    choices: Mapping[str, str]
    num_workers: int
    num_byzantine: int
    f: int
    knowledge: str
    seed: int
    device: str
    arrivals: int  # the budget
    num_parameters: int
    engine: str
    folder: Path | None


class Screen(Protocol):
    """Who watches a run. It sees everything and changes nothing."""

    def start(self, facts: Facts) -> None: ...

    def say(self, line: str) -> None:
        """One line about the run as a whole: resumed, damaged checkpoint left out…"""

    def event(self, event: Event) -> None: ...

    def metrics(self, row: Mapping[str, float | int | None]) -> None: ...

    def end(self, run: Run) -> None:
        """The run has ended, or had ended before."""


class Nobody:
    """The screen that shows nothing."""

    def start(self, facts: Facts) -> None:
        """Nothing to show."""

    def say(self, line: str) -> None:
        """Nothing to show."""

    def event(self, event: Event) -> None:
        """Nothing to show."""

    def metrics(self, row: Mapping[str, float | int | None]) -> None:
        """Nothing to show."""

    def end(self, run: Run) -> None:
        """Nothing to show."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """When a run ends: the first limit reached."""

    updates: int | None
    arrivals: int
    time: float | None  # virtual seconds

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            require(value is None or value > 0, f"budget.{item.name}", "a value > 0", **{item.name: value})

    def spent(self, state: SimulationState) -> bool:
        return (
            state.arrivals >= self.arrivals
            or (self.updates is not None and state.step >= self.updates)
            or (self.time is not None and state.time >= self.time)
        )


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """What is measured at evaluations beside losses and accuracy; all of it costs time."""

    gradient_norm: bool  # of the objective of the honest workers
    validation: bool
    per_class: bool
    dissimilarity: bool  # of the honest workers' objectives, and (G, B) over all evaluations
    study: bool  # columns of `run.arrivals` about every update: see byzsgd.study


@dataclass(frozen=True)
class Session:
    """An experiment with its data loaded, ready to run from any state."""

    blocks: tuple[np.ndarray, ...]
    problem: SupervisedProblem
    batches: Batches
    engine: Engine
    simulation: Simulation
    trusted_gradient: Callable[[Tensor], Tensor] | None
    initial: Tensor  # (d,) the starting point
    facts: Mapping[str, Any]  # of the data, for the record
    study: Study

    def start(self, params: Tensor) -> SimulationState:
        """The state before the first arrival, around the live model `params`. ValueError where that of a part holds
        what no State may."""
        state, parts = self.simulation.init(params, self.trusted_gradient), self.simulation
        for part, own in (
            (parts.aggregator, state.aggregator),
            (parts.attack, state.attack),
            (parts.optimizer, state.optimizer),
            (parts.clock, state.clock),
            *((parts.worker, own) for own in state.workers.values()),
        ):
            check(own, f"the state of {type(part).__name__}")
        return state

    def contexts(self, params: Tensor) -> dict[type, object]:
        """What states hold but checkpoints do not: given again at resume, around the live model `params`."""
        simulation = self.simulation
        return {
            ServerContext: simulation.context(params, self.trusted_gradient),
            AdversaryContext: simulation.adversary(params),
        }

    def require_overflow(self, error: HonestNotFinite) -> None:
        """A vector that is not finite is a result where a model that its job went through, or the loss of one, has
        overflowed, and else an error."""
        if all(self._finite(params, key) for params, key in self._models(error.task)):
            raise FloatingPointError(f"{error}, although its model and its loss are finite") from error

    def _models(self, task: Task) -> Iterator[tuple[Tensor, BatchKey]]:
        """The models that a job went through, each with its batch: local steps are taken again."""
        work = task.work
        if isinstance(work, Gradients):
            yield from zip(task.params, (key for _, key in work.requests), strict=True)
            return
        params = task.params[0]
        for key in work.batches:
            yield params, key
            params = params - work.lr * self.problem.gradient(params, self.batches.batch(key))
        yield params, work.batches[-1]

    def _finite(self, params: Tensor, key: BatchKey) -> bool:
        """Whether a model and its loss on a batch are."""
        return bool(params.isfinite().all()) and bool(self.problem.loss(params, self.batches.batch(key)).isfinite())


class Running:
    """A run between its first event and its last."""

    def __init__(
        self, session: Session, budget: Budget, eval_every: int, checkpoint_every: int, store: Store, screen: Screen
    ) -> None:
        self.session, self.budget, self.store, self.screen = session, budget, store, screen
        self.eval_every, self.checkpoint_every = eval_every, checkpoint_every
        self.started = time.perf_counter()
        params = session.initial.clone()
        fresh = session.start(params)  # before the store: what is refused leaves nothing behind
        resumed = store.resume(params, session.contexts(params))
        self.state = fresh if resumed is None else resumed
        if resumed is None:
            store.studied = session.study.init()
        measured = session.problem.evaluate(self.state.params)
        self.names = tuple(measured)
        if resumed is None:
            self._record(measured)

    def after(self, event: Event) -> Status | None:
        """Records one event; the status of the run if it was the last."""
        state = self.state
        self.store.recorder.arrival(self.session.study.seen(self.store.studied, event))
        self.screen.event(event)
        spent = self.budget.spent(state)
        if spent or state.arrivals % self.eval_every == 0:
            if not bool(torch.isfinite(state.params).all()):
                return self._diverged("the model is not finite")
            self._record(self.session.problem.evaluate(state.params))
        if spent:
            return "finished"
        if state.arrivals % self.checkpoint_every == 0:
            self.checkpoint()
        return None

    def broken(self, error: HonestNotFinite | NonFiniteRows) -> Status:
        """The status of a run that ends with a vector that is not finite; raises where that is an error."""
        if isinstance(error, HonestNotFinite):
            try:
                self.session.require_overflow(error)
            except FloatingPointError as reason:
                self.failed(reason)
                raise
        return self._diverged(str(error))

    def failed(self, error: Exception) -> None:
        """Leaves the run as one that an error ended."""
        self.store.reason = " ".join(str(error).split())
        self.store.interrupt("failed", None, self.seconds)

    def stalled(self) -> Status:
        self._record(self.session.problem.evaluate(self.state.params))
        self.store.reason = "nothing can arrive any more: every worker is held, crashed or silent"
        return "stalled"

    def checkpoint(self) -> None:
        self.store.checkpoint(self.state, self.seconds)

    def end(self, status: Status) -> Run:
        if "dissimilarity" in self.names:
            self.store.recorder.flush(dissimilarity_of(self.store.recorder.run().metrics))
        run = self.store.close(status, self.state.params, self.seconds)
        self.screen.end(run)
        return run

    @property
    def seconds(self) -> float:
        """Wall time of this process on this run."""
        return time.perf_counter() - self.started

    def turns(self, stopped: Callable[[], bool]) -> Turns:
        """The run, as far as others must compute for it: so one process can advance several together."""
        simulation, state, engine = self.session.simulation, self.state, self.session.engine
        try:
            while (tasks := simulation.missing_jobs(state, engine.group, engine.ahead)) is not None:
                event = simulation.deliver(state, zip(tasks, (yield engine, tasks), strict=True) if tasks else ())
                if event is None:
                    continue
                status = self.after(event)
                if status is not None:
                    return self.end(status)
                if stopped():
                    self.store.interrupt("interrupted", self.state, self.seconds)
                    raise KeyboardInterrupt
        except (HonestNotFinite, NonFiniteRows) as error:
            return self.end(self.broken(error))
        except Exception as error:
            self.failed(error)
            raise
        return self.end(self.stalled())

    def _record(self, measured: Mapping[str, float | None]) -> None:
        state = self.state
        row = {"step": state.step, "time": state.time, "arrivals": state.arrivals, **measured}
        clock = self.session.simulation.clock
        if clock.priced:
            row["cost"] = clock.cost(0.0, state.time)
        self.store.recorder.metrics(row)
        self.screen.metrics(row)

    def _diverged(self, reason: str) -> Status:
        # Drawn as a result: the worst accuracy, and losses that no axis can show.
        self._record({name: 0.0 if name == "test_accuracy" else math.nan for name in self.names})
        self.store.reason = reason
        return "diverged"


def dissimilarity_of(metrics: pl.DataFrame) -> dict[str, Any]:
    """For the info: the least (G, B) that bounds what the evaluations of a run measured; nothing where none did."""
    if "dissimilarity" not in metrics.columns:
        return {}
    measured = metrics.select("dissimilarity", "dissimilarity_norm").filter(pl.all_horizontal(pl.all().is_finite()))
    if not len(measured):
        return {}
    found = least_bound(*(measured[name].to_list() for name in measured.columns))
    return {"dissimilarity": {"G": found.G, "B": found.B, "points": len(measured)}}


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Whether the process was asked to stop (SIGINT, SIGTERM): told after the event under way, so that the state can be
    saved. The second request stops at once."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: object) -> None:
        asked.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)

    for number in before:
        signal.signal(number, note)
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
