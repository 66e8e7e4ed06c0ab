"""What is built before a run: data, problem, engine and kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from byzsgd.interfaces import (
    AdversaryContext,
    Attack,
    Batch,
    BatchKey,
    Data,
    Engine,
    Gradients,
    ServerContext,
    Task,
    WorkerContext,
)
from byzsgd.kernel.adversary import kind_of
from byzsgd.kernel.clocks import build_clock
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.jobs import HonestNotFinite
from byzsgd.kernel.randomness import Streams
from byzsgd.kernel.world import Kernel, World
from byzsgd.partitions.class_counts import class_counts
from byzsgd.records.tree import check
from byzsgd.run.study import NoStudy, StepStudy, Study
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
    server_context: Callable[[Tensor], ServerContext]  # around a live model
    initial: Tensor  # (d,) the starting point
    facts: Mapping[str, Any]  # of the data, for the record
    study: Study

    def begin(self, params: Tensor) -> World:
        """The world before the first arrival, around the live model `params`. ValueError where the State of a part
        holds what no State may."""
        kernel = self.kernel
        world = kernel.begin(params)
        states = [
            (kernel.adversary.aggregator, world.scheme.aggregator),
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
        """What states hold but checkpoints do not: given again at resume, around the live model `params`."""
        return {
            ServerContext: self.server_context(params),
            AdversaryContext: self.kernel.adversary.context(params),
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


def loaded(experiment: Experiment, plugins: Sequence[str] | None = None) -> tuple[Data, dict[str, str]]:
    """The data of an experiment, and the digests of all files that it rests on. `plugins`: modules whose files may be
    looked at; None: those of the configuration."""
    root = None if experiment.data_root is None else Path(experiment.data_root).expanduser()
    with noting() as read:
        data = experiment.dataset.load(root, Streams(experiment.seed).generator("dataset"))
    modules = tuple(name for name in experiment.plugins if plugins is None or name in plugins)
    parts = {field.name: getattr(experiment, field.name) for field in fields(experiment)}
    files = {f"dataset/{name}": digest for name, digest in read.items()}
    for name in sorted(parts.keys() - {"dataset", "config", "choices", "said"}):
        files |= sources_of(parts[name], name)
    return data, files | module_sources(modules)


def prepare(experiment: Experiment, plugins: Sequence[str] | None = None) -> Prepared:
    """Loads the data and builds everything that the run of an experiment needs."""
    streams = Streams(experiment.seed)
    device, dtype = _device(experiment.device), getattr(torch, experiment.dtype)
    data, files = loaded(experiment, plugins)
    blocks = tuple(experiment.partition(data.train, experiment.num_workers, streams.generator("partition")))
    honest = [block for worker, block in enumerate(blocks) if worker not in set(experiment.byzantine)]
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
        poison=_as_the_liars_want(experiment.attack),
        blocks=honest if experiment.metrics.dissimilarity else (),
    )
    batches = Batches(problem.data, blocks, streams, experiment.batch_size, experiment.worker.sampling)
    engine = experiment.engine(problem, batches, dict.fromkeys(experiment.byzantine, experiment.attack))
    server_context = _server_context(experiment, problem, streams)
    kernel = _kernel(experiment, problem, server_context, streams)
    initial = problem.initial(streams.generator("init"))
    counts = class_counts(data.train, blocks, data.num_classes).tolist() if data.num_classes else None
    facts = {"class_counts": counts, "class_names": list(data.class_names), "data_note": data.note, "files": files}
    study = StepStudy() if experiment.metrics.study else NoStudy()
    return Prepared(blocks, problem, batches, engine, kernel, server_context, initial, facts, study)


def _kernel(
    experiment: Experiment,
    problem: SupervisedProblem,
    server_context: Callable[[Tensor], ServerContext],
    streams: Streams,
) -> Kernel:
    n, aggregator, attack = experiment.num_workers, experiment.aggregator, experiment.attack
    clock = build_clock(experiment.delay, streams, n, experiment.byzantine)
    adversary = kind_of(attack)(
        num_workers=n,
        byzantine=experiment.byzantine,
        f=experiment.f,
        attack=attack,
        aggregator=aggregator,
        worker=experiment.worker,
        knowledge=experiment.knowledge,
        streams=streams,
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
        scheme=experiment.scheme.serving(
            aggregator, server_context, clock, stamps=experiment.stamps, claims=attack.claims
        ),
        optimizer=experiment.optimizer,
        contexts=contexts,
        reads=getattr(aggregator, "needs_read_params", True),  # a plugin may not say
    )


def _server_context(
    experiment: Experiment, problem: SupervisedProblem, streams: Streams
) -> Callable[[Tensor], ServerContext]:
    """From a live model (d,) to what the server is told."""
    trusted = _trusted_gradient(problem)

    def stream(name: str, step: int) -> np.random.Generator:
        return streams.generator(f"server/{name}", 0, step)

    return lambda params: ServerContext(experiment.num_workers, params, trusted, stream, experiment.stamps)


def _as_the_liars_want(attack: Attack) -> Callable[[Batch], Batch] | None:
    """Examples with the attack's trigger, relabelled as it wants them; None: it has no trigger."""
    while (carried := getattr(attack, "payload", None)) is not None:
        attack = carried
    trigger, target = getattr(attack, "triggered", None), getattr(attack, "target", None)
    if trigger is None or target is None:
        return None
    return lambda batch: replace(trigger(batch), targets=torch.full_like(batch.targets, target))


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
