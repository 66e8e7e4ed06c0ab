"""The engine `loop`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.interfaces import Attack, Batch, BatchKey, ClippedSum, Gradients, LocalSteps, Task
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.clipping import clipped_sum, examples
from byzsgd.kernel.engine.group_size import Stretching, group_size
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
            if len(work.requests) == 1:
                return self.problem.gradient(task.params[0], self.batch(worker, work.requests[0][1])).unsqueeze(0)
            gradients = [
                self.problem.gradient(params, self.batch(worker, key))
                for params, (_, key) in zip(task.params, work.requests, strict=True)
            ]
            return torch.stack(gradients)
        start = task.params[0]
        if isinstance(work, ClippedSum):
            each = examples(self.batch(worker, work.batch))
            alone = (Batch(*one, each.num_classes) for one in zip(each.inputs, each.targets, strict=True))
            return clipped_sum(work, (self.problem.gradient(start, one).unsqueeze(0) for one in alone))
        assert isinstance(work, LocalSteps)
        params = start.clone()
        for key in work.batches:
            params -= work.lr * self.problem.gradient(params, self.batch(worker, key))
        return (start - params).unsqueeze(0)

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
