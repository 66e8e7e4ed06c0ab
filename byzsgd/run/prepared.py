"""Everything that is built before a run: data, problem, engine and kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import (
    AdversaryContext,
    Batch,
    BatchKey,
    ClippedSum,
    Combined,
    Compressor,
    Data,
    Delay,
    Engine,
    Gradients,
    LinkLaw,
    NamesWork,
    SchemeContext,
    ServerContext,
    Task,
    WorkerContext,
)
from byzsgd.kernel.adversary import Liars, kind_of
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.local_steps import trajectories
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.engine.shared import Shared
from byzsgd.kernel.jobs import HonestNotFinite
from byzsgd.kernel.neighbours import LyingNeighbours
from byzsgd.kernel.randomness import Streams
from byzsgd.kernel.world import Kernel, World
from byzsgd.partitions.class_counts import class_counts
from byzsgd.records.plain import Info
from byzsgd.records.tree import check
from byzsgd.run.compressor_pilot import solved
from byzsgd.run.engine_path import EnginePath, chosen_path
from byzsgd.run.evaluation import MOST_NODES, Evaluation, OfNodes, OfServer
from byzsgd.run.memory import require_memory
from byzsgd.run.messages import channel_of_run, delay_of_run, read_bits
from byzsgd.run.update_study import NoStudy, StepStudy, Study
from byzsgd.sources import module_sources, noting, sources_of

if TYPE_CHECKING:
    from byzsgd.run.experiment import Experiment


@dataclass(frozen=True)
class Prepared:
    """An experiment with its data loaded, ready to run from any state."""

    blocks: tuple[np.ndarray, ...]
    problem: SupervisedProblem
    batches: Batches
    engine: Engine
    kernel: Kernel
    chosen: EnginePath  # what plays the turns
    server_context: Callable[[Tensor], ServerContext]  # the server's context around a live model
    initial: Tensor  # (d,) the starting point
    facts: Info  # of the data and the scheme
    study: Study
    evaluation: Evaluation
    read_bits: int  # bits of one model that a worker reads

    def begin(self, params: Tensor) -> World:
        """The world before the first arrival, around the live model `params`. ValueError where the State of a part
        holds what no State may."""
        kernel = self.kernel
        world = kernel.begin(params)
        states = [
            *((part, world.scheme.aggregator) for part in [kernel.adversary.aggregator] if part is not None),
            (kernel.scheme, world.scheme),
            (kernel.adversary.attack, world.adversary.attack),
            (kernel.clock, world.clock),
            *((kernel.optimizer, state) for state in world.models.optimizer.values()),
            *((kernel.worker, state) for state in world.workers.values()),
        ]
        for part, state in states:
            check(state, f"the state of {type(part).__name__}")
        return world

    def contexts(self, params: Tensor) -> dict[type, object]:
        """The contexts that states hold and checkpoints do not, around the live model `params`. A resumed run gets them
        anew."""
        return {
            ServerContext: self.server_context(params),
            AdversaryContext: self.kernel.adversary.context(params),
        }

    def require_overflow(self, error: HonestNotFinite) -> None:
        """FloatingPointError unless an honest vector that is not finite has a cause that makes it a result: its worker
        forwards what liars sent; or a model of its job, the loss of one, or the norm in a compressor has overflowed."""
        if getattr(self.kernel.scheme, "forwards", False) and self.kernel.adversary.byzantine:
            return
        if not error.overflow and all(self._finite(params, key) for params, key in self._models(error.task)):
            raise FloatingPointError(f"{error}, although its model and its loss are finite") from error

    def _models(self, task: Task) -> Iterator[tuple[Tensor, BatchKey]]:
        """The models on which a job computed gradients, each with its batch. Local steps are computed again."""
        work = task.work
        if isinstance(work, Combined):
            yield from ((task.params[0], key) for key in work.batches)
            return
        if isinstance(work, Gradients):
            yield from zip(task.params, (key for _, key in work.requests), strict=True)
            return
        if isinstance(work, ClippedSum):
            yield task.params[0], work.batch
            return
        for models, key in zip(trajectories([task], self._gradients), (*work.batches, work.batches[-1]), strict=True):
            yield models[0], key

    def _gradients(self, models: Sequence[Tensor], keys: Sequence[tuple[int, BatchKey]]) -> list[Tensor]:
        """(1, d) each, on the data of honest workers."""
        pairs = zip(models, keys, strict=True)
        return [self.problem.gradient(model, self.batches.batch(key)).unsqueeze(0) for model, (_, key) in pairs]

    def _finite(self, params: Tensor, key: BatchKey) -> bool:
        """Whether a model and its loss on a batch are finite."""
        return bool(params.isfinite().all()) and bool(self.problem.loss(params, self.batches.batch(key)).isfinite())


def loaded(experiment: Experiment, plugins: Sequence[str] | None = None) -> tuple[Data, dict[str, str]]:
    """The data of an experiment, and the digests of all files on which it depends. `plugins`: modules whose files may
    be read; None: those of the configuration."""
    root = None if experiment.data_root is None else Path(experiment.data_root).expanduser()
    with noting() as read:
        data = experiment.dataset.load(root, Streams(experiment.seed).generator("dataset"))
    modules = tuple(name for name in experiment.plugins if plugins is None or name in plugins)
    parts = {field.name: getattr(experiment, field.name) for field in fields(experiment)}
    files = {f"dataset/{name}": digest for name, digest in read.items()}
    for name in sorted(parts.keys() - {"dataset", "config", "choices", "in_config"}):
        files |= sources_of(parts[name], name)
    return data, files | module_sources(modules)


def prepare(experiment: Experiment, plugins: Sequence[str] | None = None) -> Prepared:
    """Loads the data and builds everything that the run of an experiment needs."""
    streams = Streams(experiment.seed)
    device, dtype = _device(experiment.device), getattr(torch, experiment.dtype)
    data, files = loaded(experiment, plugins)
    named = experiment.scheme if isinstance(experiment.scheme, NamesWork) else None
    count = experiment.num_workers if named is None else named.blocks(experiment.num_workers)
    blocks = tuple(experiment.partition(data.train, count, streams.generator("partition")))
    owned = named is None  # whether each block belongs to one worker; with a code workers share the blocks
    honest = [block for worker, block in enumerate(blocks) if not owned or worker not in set(experiment.byzantine)]
    problem = SupervisedProblem(
        experiment.model,
        data,
        device=device,
        dtype=dtype,
        rng=streams.generator("init"),
        gradient_norm=experiment.metrics.gradient_norm,
        objective=np.concatenate(honest) if honest else None,
        validation=experiment.metrics.validation,
        per_class=experiment.metrics.per_class,
        poison=experiment.attack.wants,
        blocks=honest if experiment.metrics.dissimilarity else (),
    )
    batches = Batches(problem.data, blocks, streams, experiment.batch_size, experiment.worker.sampling)
    poisons = dict.fromkeys(experiment.byzantine, experiment.attack)
    if poisons:  # an attack that cannot poison these data says so before any work
        some = problem.data.train
        experiment.attack.poison(Batch(some.inputs[:1], some.targets[:1], problem.data.num_classes))
    engine = experiment.engine(problem, batches, poisons)
    if named is not None:
        engine = Shared(engine, batches, count, poisons)
    server_context = _server_context(experiment, problem, streams)
    compressor = solved(experiment)
    kernel = _kernel(experiment, compressor, problem, batches, count, server_context, streams)
    models = kernel.scheme.nodes(experiment.num_workers) * problem.num_parameters
    require_memory("the run", models * dtype.itemsize, models=f"{models} numbers")
    initial = problem.initial(streams.generator("init"))
    counts = class_counts(data.train, blocks, data.num_classes).tolist() if data.num_classes and owned else None
    facts = {"class_counts": counts, "class_names": list(data.class_names), "data_note": data.note, "files": files}
    facts |= kernel.scheme.facts
    facts |= {"validation_examples": len(data.validation.targets), "test_examples": len(data.test.targets)}
    if compressor is not experiment.compressor:
        facts["compressor_scale"] = getattr(compressor, "scale", None)
    remembers = compressor.feedback and not compressor.lossless
    study = StepStudy(remembers, compressor.needs_round) if experiment.metrics.study else NoStudy()
    return Prepared(
        blocks,
        problem,
        batches,
        engine,
        kernel,
        chosen_path(experiment, kernel, problem, batches, engine),
        server_context,
        initial,
        facts,
        study,
        _evaluation(experiment, problem, kernel),
        read_bits(experiment, problem.num_parameters),
    )


def _evaluation(experiment: Experiment, problem: SupervisedProblem, kernel: Kernel) -> Evaluation:
    n = experiment.num_workers
    if kernel.scheme.nodes(n) == 1:
        return OfServer(problem)
    honest = [worker for worker in range(n) if worker not in set(experiment.byzantine)]
    require(bool(honest), "the mean of the honest nodes' models", "an honest node", num_workers=n, honest=0)
    wanted = experiment.metrics.nodes
    return OfNodes(problem, honest, len(honest) <= MOST_NODES if wanted == "auto" else wanted)


def _kernel(
    experiment: Experiment,
    compressor: Compressor,
    problem: SupervisedProblem,
    batches: Batches,
    blocks: int,
    server_context: Callable[[Tensor], ServerContext],
    streams: Streams,
) -> Kernel:
    n, aggregator, attack = experiment.num_workers, experiment.aggregator, experiment.attack
    clock = build_clock(delay_of_run(experiment, problem.layers), streams, n, experiment.byzantine)
    context = SchemeContext(
        num_workers=n,
        byzantine=experiment.byzantine,
        num_parameters=problem.num_parameters,
        optimizer=experiment.optimizer,
        loss=lambda params, worker, serial: float(problem.loss(params, batches.batch(BatchKey(worker, serial)))),
        clock=clock,
        stream=streams.generator,
        stamps=experiment.stamps,
        claims=attack.claims,
        sizes=tuple(len(batches.indices(BatchKey(block, 0))) for block in range(blocks)),
        link=_link(experiment.delay),
        aggregator=aggregator,
        server=server_context,
    )
    scheme = experiment.scheme.bind(context)
    kind = LyingNeighbours if experiment.scheme.edges and kind_of(attack) is Liars else kind_of(attack)
    adversary = kind(
        num_workers=n,
        byzantine=experiment.byzantine,
        f=experiment.f,
        attack=attack,
        aggregator=aggregator,
        worker=experiment.worker,
        knowledge=experiment.knowledge,
        streams=streams,
        relay=getattr(scheme, "relay", None),
    )
    contexts = {
        worker: WorkerContext(worker, problem.num_parameters, problem.layers, streams.of_worker(worker))
        for worker in range(n)
    }
    return Kernel(
        num_workers=n,
        clock=clock,
        worker=experiment.worker,
        adversary=adversary,
        scheme=scheme,
        optimizer=experiment.optimizer,
        contexts=contexts,
        channel=channel_of_run(experiment, compressor, problem, contexts, streams),
        reads=aggregator is not None and getattr(aggregator, "needs_read_params", True),  # a plugin may not say
    )


def _link(delay: Delay) -> LinkLaw | None:
    """The law of the transport time, if its messages take time by their bits; None: they do not."""
    way = getattr(delay, "communication", None)
    return way if hasattr(way, "per_message") else None


def _server_context(
    experiment: Experiment, problem: SupervisedProblem, streams: Streams
) -> Callable[[Tensor], ServerContext]:
    """A function from a live model (d,) to the context of the server."""
    trusted = _trusted_gradient(problem)

    def stream(name: str, step: int) -> np.random.Generator:
        return streams.generator(f"server/{name}", 0, step)

    return lambda params: ServerContext(experiment.num_workers, params, trusted, stream, experiment.stamps)


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"device needs one that this machine has ({_devices()}); got device={name}") from error
    return device


def _devices() -> str:
    count = torch.cuda.device_count()
    graphics = ", ".join(["cuda", *(f"cuda:{number}" for number in range(count))]) if count else "no cuda"
    return ", ".join(["cpu", graphics, *(["mps"] if torch.backends.mps.is_available() else [])])


def _trusted_gradient(problem: SupervisedProblem) -> Callable[[Tensor], Tensor] | None:
    trusted = problem.data.trusted
    return (lambda params: problem.split_gradient(params, trusted)) if len(trusted.targets) else None
