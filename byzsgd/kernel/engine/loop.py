from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.interfaces import Attack, Batch, BatchKey, ClippedSum, Gradients, Task
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.clipping import clipped_sum, examples
from byzsgd.kernel.engine.group_size import Stretching, group_size
from byzsgd.kernel.engine.local_steps import differences
from byzsgd.kernel.engine.problem import SupervisedProblem


@dataclass(frozen=True)
class Loop:
    """Computes every gradient by autograd, one after another."""

    problem: SupervisedProblem
    batches: Batches
    poisons: Mapping[int, Attack]  # the liars' attack, which may poison their data
    name: str = "loop"
    group: int = 1
    ahead: int = 1
    stretches: Stretching = "never"

    def results(self, tasks: Sequence[Task]) -> list[Tensor]:
        return [self._result(task) for task in tasks]

    def _result(self, task: Task) -> Tensor:
        work, worker = task.work, task.job.worker
        if isinstance(work, Gradients):
            pairs = zip(task.params, work.requests, strict=True)
            gradients = [self.gradient(params, worker, key) for params, (_, key) in pairs]
            return gradients[0] if len(gradients) == 1 else torch.cat(gradients)
        if isinstance(work, ClippedSum):
            return clipped_sum(work, self.each(task.params[0], worker, work.batch))
        return differences([task], lambda models, keys: [self.gradient(models[0], *keys[0])])

    def gradient(self, params: Tensor, worker: int, key: BatchKey) -> Tensor:
        """(1, d) at this model, on the batch as the worker sees it."""
        return self.problem.gradient(params, self.batch(worker, key)).unsqueeze(0)

    def each(self, params: Tensor, worker: int, key: BatchKey) -> Iterator[Tensor]:
        """(g, d), again and again: the gradients of all examples of the batch, in order."""
        every = examples(self.batch(worker, key))
        for one in zip(every.inputs, every.targets, strict=True):
            yield self.problem.gradient(params, Batch(*one, every.num_classes)).unsqueeze(0)

    def batch(self, worker: int, key: BatchKey) -> Batch:
        batch = self.batches.batch(key)
        attack = self.poisons.get(worker)
        return batch if attack is None else attack.poison(batch)


def loop(
    problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /, *, max_in_flight_bytes: int
) -> Loop:
    """One gradient at a time by autograd. Works for every model.

    It looks ahead too: gradients one after another, then deliveries one after another, find more in the processor's
    caches than the two in turn.
    """
    group, ahead = group_size(problem, max_in_flight_bytes)
    return Loop(problem, batches, poisons, group=group, ahead=ahead)
