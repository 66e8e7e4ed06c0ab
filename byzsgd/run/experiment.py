"""The experiment: a whole configuration as one object, its checks, and its run. The only file that knows all parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, Protocol

from byzsgd.attacks.declaration import lift as lift_attack
from byzsgd.checks import require
from byzsgd.interfaces import (
    SEES,
    Aggregator,
    Attack,
    Compressor,
    Dataset,
    Delay,
    Engine,
    Knowledge,
    MeetsNeighbours,
    ModelFactory,
    NamesWork,
    Optimizer,
    Partition,
    SchemeSettings,
    Tracked,
    Tracker,
    WorkerRule,
)
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.engine.batches import Batches, check_sampling
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.randomness import Streams
from byzsgd.records import (
    NOT_IDENTITY,
    Run,
    collect_info,
    is_finished,
    load,
    locked,
    run_id,
)
from byzsgd.records.lock import was_killed
from byzsgd.records.longer import begin_behind, find_shorter
from byzsgd.records.plain import Config
from byzsgd.run.budget import Budget
from byzsgd.run.described import choices_of, described, nameless, own_modules
from byzsgd.run.engine_path import OtherPath, advice, say_once
from byzsgd.run.fields import converted
from byzsgd.run.folders import folder_of, is_kept, require_done, require_files, require_own
from byzsgd.run.memory import least_memory, require_memory
from byzsgd.run.messages import check_messages
from byzsgd.run.metrics import Metrics
from byzsgd.run.prepared import Prepared, prepare
from byzsgd.run.process import THREADS, rare_collections, threads
from byzsgd.run.running import Running
from byzsgd.run.saving import Saving
from byzsgd.run.scheme_pilot import piloted, pilots
from byzsgd.run.screen import Facts, Nobody, Screen
from byzsgd.run.signals import Stopped, stop_signals
from byzsgd.run.stores import Description, FolderStore, MemoryStore, OtherFiles, Store, require_same_start
from byzsgd.run.sweeping import Sweeping
from byzsgd.run.tracking import Tracking

NO_GROUPS = {"budget", "metrics", "sweep"}  # parts that have no configuration group
LEAST = {"num_workers": 1, "eval_every": 1, "threads": 1, "keep_state": 0, "seed": 0}
DESCRIBING = ("config", "choices", "in_config")  # the fields that describe the others
_SENDER = {"vectors": "gradient", "deltas": "delta"}


class EngineFactory(Protocol):
    """(problem, batches, attacks of the liars by worker) -> engine."""

    def __call__(self, problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /) -> Engine: ...


def _is_same(value: object, before: object) -> bool:
    plain = isinstance(value, bool | int | float | str | tuple) and type(value) is type(before)
    return value is before or (plain and bool(value == before))


def _ascending(ids: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if ids is None else tuple(sorted(ids))


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A whole configuration as one object: what `byzsgd.experiment(*overrides)` gives and `byzsgd train` runs."""

    dataset: Dataset
    model: ModelFactory
    partition: Partition
    worker: WorkerRule
    compressor: Compressor
    attack: Attack = converted(lift_attack)
    aggregator: Aggregator | None = None  # null where the scheme has no server
    delay: Delay
    scheme: SchemeSettings
    optimizer: Optimizer
    engine: EngineFactory
    tracker: Tracker | None = None
    num_workers: int
    num_byzantine: int
    f: int
    byzantine_ids: tuple[int, ...] | None = converted(_ascending)
    knowledge: Knowledge
    stamps: bool
    seed: int
    batch_size: int | None
    budget: Budget
    eval_every: int
    metrics: Metrics
    checkpoint_every: int | None
    device: str
    dtype: Literal["float32", "float64"]
    threads: int
    data_root: str | None
    plugins: tuple[str, ...]
    force: bool
    sweep: Sweeping = Sweeping()
    keep_state: float = 64.0
    config: Config = field(default_factory=dict, repr=False)
    choices: Mapping[str, str] = field(default_factory=dict, repr=False)
    in_config: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)  # what `config` describes

    def __post_init__(self) -> None:
        self._describe_replaced_fields()
        n = self.num_workers
        for name, least in LEAST.items():
            require(getattr(self, name) >= least, name, f"a value >= {least}", **{name: getattr(self, name)})
        require(self.threads <= THREADS, "threads", f"a value <= {THREADS}", threads=self.threads)
        require_memory("num_workers", least_memory(n, self.scheme), num_workers=n)
        require(0 <= self.num_byzantine <= n, "num_byzantine", "0 <= num_byzantine <= num_workers",
                num_byzantine=self.num_byzantine, num_workers=n)  # fmt: skip
        require(0 <= self.f <= n, "f", "0 <= f <= num_workers", f=self.f, num_workers=n)
        check_sampling(self.batch_size, self.worker.sampling)
        every = self.checkpoint_every
        require(every is None or every >= 1, "checkpoint_every", "a value >= 1, or null", checkpoint_every=every)
        require(self.num_byzantine < n or not self.metrics.dissimilarity, "metrics.dissimilarity", "an honest worker",
                num_byzantine=self.num_byzantine, num_workers=n)  # fmt: skip
        if (ids := self.byzantine_ids) is not None:
            fit = len(set(ids)) == len(ids) == self.num_byzantine and all(0 <= worker < n for worker in ids)
            require(fit, "byzantine_ids", "num_byzantine different ids between 0 and num_workers - 1",
                    byzantine_ids=list(ids), num_byzantine=self.num_byzantine, num_workers=n)  # fmt: skip
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
        self.scheme.check(n)
        if isinstance(self.scheme, MeetsNeighbours):
            self.scheme.guard(n, self.byzantine)
        who = f"scheme {self.choices.get('scheme', type(self.scheme).__name__)}"
        require(self.scheme.edges or not self.attack.neighbours, f"attack {self.choices.get('attack')}",
                "a scheme whose nodes have neighbours (scheme=d_psgd)", scheme=self.choices.get("scheme"))  # fmt: skip
        if self.scheme.server:
            self._require_served(who)
        else:
            self._require_unserved(who)
        check_messages(self)
        build_clock(self.delay, Streams(self.seed), n, self.byzantine).check(n)

    def _describe_replaced_fields(self) -> None:
        """Brings `config` and `choices` up to date with the fields: dataclasses.replace copies the old ones."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in DESCRIBING}
        if self.in_config or not self.config:
            other = [name for name, value in own.items() if not _is_same(value, self.in_config.get(name, DESCRIBING))]
            config = {"_target_": "byzsgd.run.Experiment", **self.config}
            config |= {name: described(own[name]) for name in other}
            choices = {key: member for key, member in self.choices.items() if key.partition("/")[0] not in other}
            for name in set(other) - NO_GROUPS:
                choices |= choices_of(own[name], name)
            vars(self).update(config=config, choices=choices)
        vars(self)["in_config"] = own

    def _require_served(self, who: str) -> None:
        server = self.aggregator
        require(server is not None, who, "a server (aggregator=kardam)", aggregator="null")
        assert server is not None
        server.check(self.num_workers)
        require(self.metrics.nodes is not True, "metrics.nodes", "a scheme whose nodes have models of their own",
                scheme=self.choices.get("scheme"))  # fmt: skip
        require(self.worker.sends == server.expects, f"aggregator {self.choices.get('aggregator')}",
                f"a worker rule that sends {server.expects} (worker={_SENDER[server.expects]})",
                worker=self.choices.get("worker"))  # fmt: skip

    def _require_unserved(self, who: str) -> None:
        """Beside a scheme without a server, refuses every setting that only a server can follow."""
        chosen = self.choices.get("aggregator", type(self.aggregator).__name__)
        require(self.aggregator is None, who, "no aggregator, since it has no server", aggregator=chosen)
        require(not self.delay.prescribed, who, "a delay in seconds, since it has no server whose updates count",
                delay=self.choices.get("delay"))  # fmt: skip
        require(self.stamps, who, "stamps=true, since it has no server to believe a worker's claim", stamps=self.stamps)
        require(not self.metrics.study, who, "metrics.study=false, since a study is of a server's updates",
                study=self.metrics.study)  # fmt: skip
        require(self.worker.sends == "vectors", who, "a worker rule that sends vectors (worker=gradient)",
                worker=self.choices.get("worker"))  # fmt: skip
        require(not self.attack.previews and not self.attack.claims, who,
                "an attack that neither asks a server nor lies to it", attack=self.choices.get("attack"))  # fmt: skip
        if isinstance(self.scheme, NamesWork):
            require(getattr(self.worker, "sends_results", False), who, "worker=gradient, since it names what workers "
                    "compute", worker=self.choices.get("worker"))  # fmt: skip
            self.scheme.admit(self.delay, self.attack)

    @property
    def byzantine(self) -> tuple[int, ...]:
        """Ids of the liars, ascending."""
        if self.byzantine_ids is not None:
            return tuple(sorted(self.byzantine_ids))
        drawn = Streams(self.seed).generator("byzantine").choice(self.num_workers, self.num_byzantine, replace=False)
        return tuple(sorted(int(worker) for worker in drawn))

    def prepare(self, plugins: Sequence[str] | None = None) -> Prepared:
        """Loads the data and builds everything that a run needs, before its first gradient."""
        return prepare(self, plugins)

    def run(
        self,
        folder: str | Path | None = None,
        screen: Screen | None = None,
        plugins: Sequence[str] | None = None,
        *,
        only_there: bool = False,
        shorter: Path | None = None,
    ) -> Run:
        """Runs to the end of the budget. With a folder, its records are written there; else they stay in memory.

        A run that was cut off goes on from its last checkpoint, to the same bits. A finished run is read back; with
        `force` it runs again in a folder beside. Without `force`, such a folder beside is used if its data are those of
        now; with `only_there`, never. ValueError where the data changed since the start of the run. `plugins`: modules
        whose types a checkpoint may hold; None: those of the configuration. A run may differ from a finished one
        nearby, or from `shorter`, only in a larger budget. Then it goes on where that one ended, to the same bits as
        from its beginning.
        """
        watcher: Screen = Nobody() if screen is None else screen
        with stop_signals() as stopped, threads(self.threads), rare_collections():
            if folder is None:
                return self._watched(stopped, None, watcher, plugins)
            self._require_digests(Path(folder))
            target = Path(folder) if only_there else folder_of(self, Path(folder), plugins)
            if only_there and is_kept(target):
                require_files(self, target, plugins)
            if is_finished(target):  # before the lock: the folder may be read-only
                return self._read_back(target, watcher)
            killed = was_killed(target)
            with locked(target):
                if is_finished(target):  # by another process, in between
                    return self._read_back(target, watcher)
                require_done(target, killed, watcher.say)
                if is_kept(target):
                    require_own(self, target)
                elif beginning := self._beginning(target, shorter, plugins):
                    begin_behind(beginning, target, self.config, self.choices)
                try:
                    return self._watched(stopped, target, watcher, plugins)
                except Stopped as stop:
                    stop.folder = target
                    raise

    def _beginning(self, target: Path, shorter: Path | None, plugins: Sequence[str] | None) -> Path | None:
        """The finished run from whose end this one goes on, if its data and its path are those of now."""
        folder = None if self.force or pilots(self) else shorter or find_shorter(target, self.config)
        try:
            if folder is not None:
                now = self.prepare(plugins)
                require_same_start(folder, now.chosen.name, now.facts["files"])
        except (OtherFiles, OtherPath):
            if shorter is not None:
                raise
            return None
        return folder

    def _read_back(self, folder: Path, screen: Screen) -> Run:
        require_own(self, folder)
        run = load(folder)
        screen.say(f"{folder} is finished already; force=true runs it again beside it")
        screen.end(run)
        return run

    def _watched(
        self, stopped: Callable[[], int], target: Path | None, screen: Screen, plugins: Sequence[str] | None
    ) -> Run:
        if self.tracker is None:
            return self.start(target, screen, plugins, stopped).complete(stopped)
        identity = run_id(self.config)
        name = identity if target is None else target.name
        # A run again in a folder beside is another run for the tracker.
        tracked = Tracked(name, name if self.force else identity, target, self.config)
        watcher = Tracking(screen, self.tracker, self.choices.get("tracker", type(self.tracker).__name__), tracked)
        try:
            return self.start(target, watcher, plugins, stopped).complete(stopped)
        except KeyboardInterrupt:
            watcher.close("interrupted")
            raise
        except Exception:
            watcher.close("failed")
            raise

    def _require_digests(self, folder: Path) -> None:
        identifying = {key: node for key, node in self.config.items() if key not in NOT_IDENTITY}
        lacking = next(nameless(identifying), None)
        require(lacking is None, str(folder), "parts whose code is in a file or whose contents have a digest",
                part=lacking)  # fmt: skip

    def start(
        self,
        folder: Path | None,
        screen: Screen,
        plugins: Sequence[str] | None = None,
        stopped: Callable[[], int] = lambda: 0,
    ) -> Running:
        """The run, ready for its next event: from its beginning, or from the checkpoint in the folder."""
        settled, measured = piloted(self, folder, plugins, stopped)
        for name, values in measured.items():
            text = ", ".join(f"{score}={value:.4g}" for score, value in values.items())
            screen.say(f"a {name} run measured {text}")
        prepared = settled.prepare(plugins)
        info = collect_info(
            num_parameters=prepared.problem.num_parameters,
            byzantine_ids=self.byzantine,
            engine=prepared.chosen.name,
            device=self.device,
            seed=self.seed,
        )
        info |= {**prepared.facts, **measured}
        description: Description = {
            "config": self.config,
            "choices": self.choices,
            "info": info,
            "scores": (*prepared.kernel.scheme.scores, *prepared.study.columns),
        }
        store: Store = MemoryStore(**description)
        if folder is not None:
            allowed = (*self.plugins, *own_modules(self.config)) if plugins is None else plugins
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
                engine=prepared.chosen.name,
                folder=folder,
            )
        )
        say_once(screen.say, advice(prepared.chosen.name, self.budget.arrivals))
        return Running(prepared, self.budget, self.eval_every, Saving(self.checkpoint_every), store, screen)
