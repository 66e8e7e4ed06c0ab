"""Engines that compute the gradients of many jobs in one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.interfaces import Attack, Batch, BatchKey, ClippedSum, Gradients, LocalSteps, Task
from byzsgd.kernel.copies import copy_of, large
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.clipping import clipped_sum, examples
from byzsgd.kernel.engine.group_size import Stretching
from byzsgd.kernel.engine.local_steps import differences


@dataclass(frozen=True, kw_only=True)
class Batched:
    """Stacks models and batches for a function that computes all their gradients together."""

    name: str
    gradients: Callable[[Sequence[Tensor], Batch], list[Tensor]]  # (g models or one for all, (g, B, …)) -> g of (1, d)
    batches: Batches
    poisons: Mapping[int, Attack]  # the liars' attack, which may poison their data
    group: int
    ahead: int
    stretches: Stretching = "never"

    def results(self, tasks: Sequence[Task]) -> list[Tensor]:
        rows = self._gradients(tasks)
        steps = iter(self._local_steps([task for task in tasks if isinstance(task.work, LocalSteps)]))
        results: list[Tensor] = []
        for task in tasks:
            if isinstance(task.work, ClippedSum):
                results.append(self._clipped_sum(task, task.work))
            elif not isinstance(task.work, Gradients):
                results.append(next(steps))
            elif len(task.work.requests) == 1:
                results.append(next(rows))
            else:
                results.append(torch.cat([next(rows) for _ in task.work.requests]))
        return results

    def batch(self, keys: Sequence[tuple[int, BatchKey]]) -> Batch:
        """(g, B, …): the batches of g (worker, key), as the worker sees them."""
        batch = self.batches.batches([key for _, key in keys])
        if not self.poisons:
            return batch
        for row, (worker, _) in enumerate(keys):
            attack = self.poisons.get(worker)
            if attack is None:
                continue
            own = Batch(batch.inputs[row], batch.targets[row], batch.num_classes)
            poisoned = attack.poison(own)
            if poisoned is not own:
                batch.inputs[row] = poisoned.inputs
                batch.targets[row] = poisoned.targets
        return batch

    def _gradients(self, tasks: Sequence[Task]) -> Iterator[Tensor]:
        """The (1, d) gradients that the tasks ask for, in order, in calls of at most `group` of them."""
        models: list[Tensor] = []
        keys: list[tuple[int, BatchKey]] = []  # (worker, key) of each gradient
        for task in tasks:
            work = task.work
            if isinstance(work, Gradients):
                models += task.params
                keys += [(task.job.worker, key) for _, key in work.requests]
        rows: dict[int, Tensor] = {}
        for call in self._calls([key for _, key in keys]):
            chunk = [models[index] for index in call]
            batch = self.batch([keys[index] for index in call])
            # Rounds read one version: it serves all jobs without a copy.
            shared = all(model is chunk[0] for model in chunk)
            rows.update(zip(call, self.gradients(chunk[:1] if shared else chunk, batch), strict=True))
        return (rows[index] for index in range(len(models)))

    def _calls(self, keys: Sequence[BatchKey]) -> Iterator[Sequence[int]]:
        """The indices of batches that share a call: at most `group` of them, all of one size."""
        sizes: dict[int, list[int]] = {}
        for index, key in enumerate(keys):
            sizes.setdefault(self.batches.size(key), []).append(index)
        for indices in sizes.values():
            for start in range(0, len(indices), self.group):
                yield indices[start : start + self.group]

    def _clipped_sum(self, task: Task, work: ClippedSum) -> Tensor:
        (inputs,), (targets,) = (batch := self.batch([(task.job.worker, work.batch)])).inputs, batch.targets
        each = examples(Batch(inputs, targets, batch.num_classes))
        starts = range(0, len(targets), self.group)
        groups = (Batch(each.inputs[at : at + self.group], each.targets[at : at + self.group], batch.num_classes)
                  for at in starts)  # fmt: skip
        return clipped_sum(work, (torch.cat(self.gradients(task.params, group)) for group in groups))

    def _local_steps(self, tasks: Sequence[Task]) -> list[Tensor]:
        """(1, d) start − end for each task; a group of them takes its steps together."""
        results: dict[int, Tensor] = {}
        for call in self._calls([task.work.batches[0] for task in tasks if isinstance(task.work, LocalSteps)]):
            rows = differences([tasks[index] for index in call], self._in_one_call)
            results.update(zip(call, apart(rows), strict=True))
        return [results[index] for index in range(len(tasks))]

    def _in_one_call(self, models: Sequence[Tensor], keys: Sequence[tuple[int, BatchKey]]) -> list[Tensor]:
        """(1, d) at each model, on the batch as the worker sees it, in one call."""
        return self.gradients(models, self.batch(keys))


def apart(rows: Tensor) -> list[Tensor]:
    """(g, d) -> g tensors (1, d) with memory of their own: some live for long, in a server that remembers them, and
    would keep the whole group alive."""
    if large(rows, rows.shape[1]):
        return [copy_of(row) for row in rows.split_with_sizes([1] * len(rows))]
    apart: tuple[Tensor, ...] = torch.split_copy(rows, 1)  # type: ignore[assignment, func-returns-value]
    return list(apart)
