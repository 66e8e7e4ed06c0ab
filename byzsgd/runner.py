"""The object graph, built and run: the only module that knows all the parts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from byzsgd.aggregators.declaration import NonFiniteRows
from byzsgd.attacks.declaration import lift as lift_attack
from byzsgd.checks import require
from byzsgd.interfaces import (
    SEES,
    Aggregator,
    Attack,
    Dataset,
    Delay,
    Engine,
    Event,
    Gradients,
    Knowledge,
    ModelFactory,
    Optimizer,
    Partition,
    WorkerRule,
)
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.randomness import Streams
from byzsgd.kernel.simulation import HonestNotFinite, Simulation, SimulationState, events
from byzsgd.records import Recorder, Run, collect_info, start

Status = Literal["finished", "diverged", "stalled"]


class EngineFactory(Protocol):
    """(problem, batches, the liars' attacks by worker) -> engine."""

    def __call__(self, problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /) -> Engine: ...


class Screen(Protocol):
    """Who watches a run. It sees everything and changes nothing."""

    def start(self, experiment: Experiment, session: Session, folder: Path | None) -> None: ...

    def event(self, event: Event) -> None: ...

    def metrics(self, row: Mapping[str, float | int | None]) -> None: ...

    def end(self, run: Run) -> None: ...


class Nobody:
    """The screen that shows nothing."""

    def start(self, experiment: Experiment, session: Session, folder: Path | None) -> None:
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

    def start(self) -> SimulationState:
        return self.simulation.init(self.initial.clone(), self.trusted_gradient)

    def require_overflow(self, error: HonestNotFinite) -> None:
        """A vector that is not finite is a result where the model or its loss has overflowed, and else an error."""
        work, params = error.task.work, error.task.params
        if not all(bool(torch.isfinite(model).all()) for model in params):
            return
        key = work.requests[0][1] if isinstance(work, Gradients) else work.batches[0]
        if bool(torch.isfinite(self.problem.loss(params[0], self.batches.batch(key)))):
            raise FloatingPointError(f"{error}, although its model and its loss are finite") from error


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A whole configuration as one object: what `byzsgd.experiment(*overrides)` gives and `byzsgd train` runs."""

    dataset: Dataset
    model: ModelFactory
    partition: Partition
    worker: WorkerRule[Any]
    attack: Attack
    aggregator: Aggregator[Any]
    delay: Delay
    optimizer: Optimizer[Any]
    engine: EngineFactory
    tracker: Any = None
    num_workers: int
    num_byzantine: int
    f: int
    byzantine_ids: tuple[int, ...] | None
    knowledge: Knowledge
    stamps: bool
    seed: int
    batch_size: int
    budget: Budget
    eval_every: int
    checkpoint_every: int
    device: str
    dtype: Literal["float32", "float64"]
    threads: int
    data_root: str | None
    plugins: tuple[str, ...]
    force: bool
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    choices: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        n = self.num_workers
        require(n >= 1, "num_workers", "a value >= 1", num_workers=n)
        require(0 <= self.num_byzantine <= n, "num_byzantine", "0 <= num_byzantine <= num_workers",
                num_byzantine=self.num_byzantine, num_workers=n)  # fmt: skip
        require(0 <= self.f <= n, "f", "0 <= f <= num_workers", f=self.f, num_workers=n)
        for name in ("batch_size", "eval_every", "checkpoint_every", "threads"):
            require(getattr(self, name) >= 1, name, "a value >= 1", **{name: getattr(self, name)})
        require(self.seed >= 0, "seed", "a value >= 0", seed=self.seed)
        object.__setattr__(self, "attack", lift_attack(self.attack))
        if self.byzantine_ids is not None:
            ids = tuple(sorted(self.byzantine_ids))
            object.__setattr__(self, "byzantine_ids", ids)
            require(
                len(set(ids)) == len(ids) == self.num_byzantine and all(0 <= worker < n for worker in ids),
                "byzantine_ids",
                "num_byzantine different ids between 0 and num_workers - 1",
                byzantine_ids=list(ids),
                num_byzantine=self.num_byzantine,
                num_workers=n,
            )
        require(
            SEES.index(self.knowledge) >= SEES.index(self.attack.sees),
            f"attack {self.choices.get('attack', type(self.attack).__name__)}",
            f"knowledge={self.attack.sees} or more",
            knowledge=self.knowledge,
        )
        if self.delay.prescribed:
            require(self.knowledge != "in_flight", "a delay with prescribed staleness",
                    "knowledge own or delivered, since nothing is in flight", knowledge=self.knowledge)  # fmt: skip
            require(not self.attack.timed, "a delay with prescribed staleness", "an attack without timing of its own",
                    attack=self.choices.get("attack"))  # fmt: skip
        self.aggregator.check(n)
        build_clock(self.delay, Streams(self.seed), n, self.byzantine).check(n)

    @property
    def byzantine(self) -> tuple[int, ...]:
        """Ids of the liars, ascending."""
        if self.byzantine_ids is not None:
            return self.byzantine_ids
        drawn = Streams(self.seed).generator("byzantine").choice(self.num_workers, self.num_byzantine, replace=False)
        return tuple(sorted(int(worker) for worker in drawn))

    def prepare(self) -> Session:
        """Loads the data and builds everything that a run needs. Nothing has been computed yet."""
        streams = Streams(self.seed)
        device, dtype = _device(self.device), getattr(torch, self.dtype)
        root = None if self.data_root is None else Path(self.data_root).expanduser()
        data = self.dataset.load(root, streams.generator("dataset"))
        blocks = tuple(self.partition(data.train, self.num_workers, streams.generator("partition")))
        problem = SupervisedProblem(self.model, data, device=device, dtype=dtype, rng=streams.generator("init"))
        batches = Batches(problem.data, blocks, streams, self.batch_size, self.worker.sampling)
        engine = self.engine(problem, batches, dict.fromkeys(self.byzantine, self.attack))
        simulation = Simulation(
            num_workers=self.num_workers,
            byzantine=self.byzantine,
            f=self.f,
            clock=build_clock(self.delay, streams, self.num_workers, self.byzantine),
            worker=self.worker,
            attack=self.attack,
            aggregator=self.aggregator,
            optimizer=self.optimizer,
            knowledge=self.knowledge,
            stamps=self.stamps,
            streams=streams,
        )
        initial = problem.initial(streams.generator("init"))
        return Session(blocks, problem, batches, engine, simulation, _trusted_gradient(problem), initial)

    def run(self, folder: str | Path | None = None, screen: Screen | None = None) -> Run:
        """Runs to the end of the budget. With a folder its records are written there, else they stay in memory."""
        place = None if folder is None else Path(folder)
        watcher: Screen = Nobody() if screen is None else screen
        with _threads(self.threads):
            session = self.prepare()
            info = collect_info(
                num_parameters=session.problem.num_parameters,
                byzantine_ids=self.byzantine,
                engine=session.engine.name,
                device=self.device,
                seed=self.seed,
            )
            recorder = start(place, config=self.config, choices=self.choices, info=info, scores=self.aggregator.scores)
            watcher.start(self, session, place)
            started = time.perf_counter()
            status, sentence = self._loop(session, session.start(), recorder, watcher)
            ended: dict[str, Any] = {"status": status, "wall_time": time.perf_counter() - started}
            if sentence:
                ended["reason"] = sentence
            recorder.close(ended)
            run = recorder.run()
        watcher.end(run)
        return run

    def _loop(self, session: Session, state: SimulationState, recorder: Recorder, screen: Screen) -> tuple[Status, str]:
        def record(measured: Mapping[str, float | None]) -> None:
            row = {"step": state.step, "time": state.time, "arrivals": state.arrivals, **measured}
            recorder.metrics(row)
            screen.metrics(row)

        def diverged(reason: str) -> tuple[Status, str]:
            # Drawn as a result: the worst accuracy, and losses that no axis can show.
            record({name: 0.0 if name == "test_accuracy" else math.nan for name in names})
            return "diverged", reason

        measured = session.problem.evaluate(state.params)
        names = tuple(measured)
        record(measured)
        try:
            for event in events(session.simulation, state, session.engine):
                recorder.arrival(event)
                screen.event(event)
                spent = self.budget.spent(state)
                if spent or state.arrivals % self.eval_every == 0:
                    if not bool(torch.isfinite(state.params).all()):
                        return diverged("the model is not finite")
                    record(session.problem.evaluate(state.params))
                if state.arrivals % self.checkpoint_every == 0:
                    recorder.flush()
                if spent:
                    return "finished", ""
        except HonestNotFinite as error:
            session.require_overflow(error)
            return diverged(str(error))
        except NonFiniteRows as error:
            return diverged(str(error))
        record(session.problem.evaluate(state.params))
        return "stalled", "nothing can arrive any more: every worker is held, crashed or silent"


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device needs one that this machine has (cpu, cuda); got device={name}") from error
    return device


def _trusted_gradient(problem: SupervisedProblem) -> Callable[[Tensor], Tensor] | None:
    trusted = problem.data.trusted
    return (lambda params: problem.split_gradient(params, trusted)) if len(trusted.targets) else None


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
