"""The object graph, built and run: the only file that knows all the parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from byzsgd.attacks.declaration import lift as lift_attack
from byzsgd.checks import require
from byzsgd.interfaces import (
    SEES,
    Aggregator,
    Attack,
    Dataset,
    Delay,
    Engine,
    Knowledge,
    ModelFactory,
    Optimizer,
    Partition,
    Tracked,
    Tracker,
    WorkerRule,
)
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.randomness import Streams
from byzsgd.records import (
    Run,
    beside,
    collect_info,
    difference,
    is_finished,
    load,
    locked,
    read_config,
    run_id,
)
from byzsgd.records.checkpoints import checkpoints
from byzsgd.records.longer import begin_behind, find_shorter
from byzsgd.run.budget import Budget
from byzsgd.run.metrics import Metrics
from byzsgd.run.prepared import Prepared, prepare
from byzsgd.run.process import rare_collections, threads
from byzsgd.run.running import Running
from byzsgd.run.screen import Facts, Nobody, Screen
from byzsgd.run.signals import Stopped, stop_signals
from byzsgd.run.stores import FolderStore, MemoryStore, Store
from byzsgd.run.sweeping import Sweeping
from byzsgd.run.tracking import Tracking
from byzsgd.schemes.server import Server

_SENDER = {"vectors": "gradient", "deltas": "delta"}


class EngineFactory(Protocol):
    """(problem, batches, the liars' attacks by worker) -> engine."""

    def __call__(self, problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /) -> Engine: ...


class _Converted:
    """The place of a dataclass field without default, which holds what a function makes of the value it is given."""

    def __init__(self, convert: Callable[[Any], Any]) -> None:
        self._convert = convert

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:  # the dataclass asks for a default
            raise AttributeError(self._name)
        return vars(instance)[self._name]

    def __set__(self, instance: object, value: Any) -> None:
        vars(instance)[self._name] = self._convert(value)


def converted(convert: Callable[[Any], Any]) -> Any:
    """Of a field of a frozen dataclass: it holds `convert` of what its constructor is given."""
    return _Converted(convert)


def _ascending(ids: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if ids is None else tuple(sorted(ids))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A whole configuration as one object: what `byzsgd.experiment(*overrides)` gives and `byzsgd train` runs."""

    dataset: Dataset
    model: ModelFactory
    partition: Partition
    worker: WorkerRule[Any]
    attack: Attack = converted(lift_attack)
    aggregator: Aggregator[Any]
    delay: Delay
    scheme: Server
    optimizer: Optimizer[Any]
    engine: EngineFactory
    tracker: Tracker | None = None
    num_workers: int
    num_byzantine: int
    f: int
    byzantine_ids: tuple[int, ...] | None = converted(_ascending)
    knowledge: Knowledge
    stamps: bool
    seed: int
    batch_size: int
    budget: Budget
    eval_every: int
    metrics: Metrics
    checkpoint_every: int
    device: str
    dtype: Literal["float32", "float64"]
    threads: int
    data_root: str | None
    plugins: tuple[str, ...]
    force: bool
    sweep: Sweeping = Sweeping()
    keep_state: float = 64.0
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
        require(self.keep_state >= 0, "keep_state", "a value >= 0", keep_state=self.keep_state)
        require(self.seed >= 0, "seed", "a value >= 0", seed=self.seed)
        require(self.num_byzantine < n or not self.metrics.dissimilarity, "metrics.dissimilarity", "an honest worker",
                num_byzantine=self.num_byzantine, num_workers=n)  # fmt: skip
        if (ids := self.byzantine_ids) is not None:
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
        require(self.worker.sends == self.aggregator.expects, f"aggregator {self.choices.get('aggregator')}",
                f"a worker rule that sends {self.aggregator.expects} (worker={_SENDER[self.aggregator.expects]})",
                worker=self.choices.get("worker"))  # fmt: skip
        build_clock(self.delay, Streams(self.seed), n, self.byzantine).check(n)

    @property
    def byzantine(self) -> tuple[int, ...]:
        """Ids of the liars, ascending."""
        if self.byzantine_ids is not None:
            return tuple(sorted(self.byzantine_ids))
        drawn = Streams(self.seed).generator("byzantine").choice(self.num_workers, self.num_byzantine, replace=False)
        return tuple(sorted(int(worker) for worker in drawn))

    def prepare(self) -> Prepared:
        """Loads the data and builds everything that a run needs. Nothing has been computed yet."""
        return prepare(self)

    def run(
        self,
        folder: str | Path | None = None,
        screen: Screen | None = None,
        plugins: Sequence[str] | None = None,
        shorter: Path | None = None,
    ) -> Run:
        """Runs to the end of the budget. With a folder its records are written there, else they stay in memory.

        A run that was cut off goes on from its last checkpoint, to the same bits; a finished one is read back, or with
        `force` run again in a folder beside. `plugins`: modules whose types a checkpoint may hold; None: the
        configuration's own. A run that differs in nothing but a larger budget from a finished one nearby, or from
        `shorter`, goes on where that ended, to the same bits as from its beginning.
        """
        watcher: Screen = Nobody() if screen is None else screen
        with stop_signals() as stopped, threads(self.threads), rare_collections():
            if folder is None:
                return self._watched(stopped, None, watcher, plugins)
            place = beside(Path(folder)) if self.force else Path(folder)
            if is_finished(place):  # also where one may only read
                return self._read_back(place, watcher)
            with locked(place):
                if is_finished(place):  # by another process, in between
                    return self._read_back(place, watcher)
                if checkpoints(place):
                    self._require_own(place)
                elif not self.force and (found := shorter or find_shorter(place, self.config)):
                    begin_behind(found, place, self.config, self.choices)
                try:
                    return self._watched(stopped, place, watcher, plugins)
                except Stopped as stop:
                    stop.folder = place
                    raise

    def _read_back(self, folder: Path, screen: Screen) -> Run:
        self._require_own(folder)
        run = load(folder)
        screen.say(f"{folder} is finished already; force=true runs it again beside it")
        screen.end(run)
        return run

    def _watched(
        self, stopped: Callable[[], int], place: Path | None, screen: Screen, plugins: Sequence[str] | None
    ) -> Run:
        if self.tracker is None:
            return self.start(place, screen, plugins).complete(stopped)
        identity = run_id(self.config)
        name = identity if place is None else place.name
        # What is run again beside is a run of its own.
        told = Tracked(name, name if self.force else identity, place, self.config)
        watcher = Tracking(screen, self.tracker, self.choices.get("tracker", type(self.tracker).__name__), told)
        try:
            return self.start(place, watcher, plugins).complete(stopped)
        except KeyboardInterrupt:
            watcher.close("interrupted")
            raise
        except Exception:
            watcher.close("failed")
            raise

    def _require_own(self, folder: Path) -> None:
        stored = read_config(folder)
        if run_id(stored) != run_id(self.config):
            raise ValueError(
                f"{folder} needs the settings that it was started with; got {difference(stored, self.config)}"
            )

    def start(self, folder: Path | None, screen: Screen, plugins: Sequence[str] | None = None) -> Running:
        """The run before its next event."""
        prepared = self.prepare()
        info = collect_info(
            num_parameters=prepared.problem.num_parameters,
            byzantine_ids=self.byzantine,
            engine=prepared.engine.name,
            device=self.device,
            seed=self.seed,
        )
        info |= prepared.facts
        description = {
            "config": self.config,
            "choices": self.choices,
            "info": info,
            "scores": (*self.aggregator.scores, *prepared.study.columns),
        }
        store: Store = MemoryStore(**description)
        if folder is not None:
            allowed = self.plugins if plugins is None else plugins
            store = FolderStore(
                folder, plugins=allowed, say=screen.say, keep_state=self.keep_state * 1e6, **description
            )
        screen.start(
            Facts(
                choices=self.choices,
                num_workers=self.num_workers,
                num_byzantine=self.num_byzantine,
                f=self.f,
                knowledge=self.knowledge,
                seed=self.seed,
                device=self.device,
                arrivals=self.budget.arrivals,
                num_parameters=prepared.problem.num_parameters,
                engine=prepared.engine.name,
                folder=folder,
            )
        )
        return Running(prepared, self.budget, self.eval_every, self.checkpoint_every, store, screen)
