"""What is built before a run: data, problem, engine and simulation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from byzsgd.interfaces import AdversaryContext, BatchKey, Engine, Gradients, ServerContext, Task
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.simulation import HonestNotFinite, Simulation, SimulationState
from byzsgd.run.study import Study


@dataclass(frozen=True)
class Prepared:
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
        """The state before the first arrival, around the live model `params`."""
        return self.simulation.init(params, self.trusted_gradient)

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
