"""Engines that compute the gradients of many jobs in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from byzsgd.interfaces import Attack, Batch, BatchKey, Gradients, LocalSteps, Task
from byzsgd.kernel.engine.batches import Batches

Request = tuple[int, Tensor, BatchKey]  # (worker, (d,) model, batch)


@dataclass(frozen=True, kw_only=True)
class Batched:
    """Stacks models and batches for a function that computes all their gradients together.

    Every row that it hands out has memory of its own: some live for long, in a server that remembers them, and would
    keep the whole group alive.
    """

    name: str
    gradients: Callable[[Tensor, Batch], Tensor]  # ((g, d) models or (1, d), (g, B, …) batches) -> (g, d)
    batches: Batches
    poisons: Mapping[int, Attack]  # the liars' attack, which may poison their data
    group: int
    ahead: int

    def results(self, tasks: Sequence[Task]) -> list[Tensor]:
        if len(tasks) > self.group:
            chunks = [tasks[start : start + self.group] for start in range(0, len(tasks), self.group)]
            return [result for chunk in chunks for result in self.results(chunk)]
        requests: list[Request] = []
        for task in tasks:
            if isinstance(task.work, Gradients):
                for params, (_, key) in zip(task.params, task.work.requests, strict=True):
                    requests.append((task.job.worker, params, key))
        rows = iter(self._rows(requests))
        steps = iter(self._local_steps([task for task in tasks if isinstance(task.work, LocalSteps)]))
        results: list[Tensor] = []
        for task in tasks:
            if isinstance(task.work, LocalSteps):
                results.append(next(steps))
            elif len(task.work.requests) == 1:
                results.append(next(rows))
            else:
                results.append(torch.cat([next(rows) for _ in task.work.requests]))
        return results

    def _rows(self, requests: Sequence[Request]) -> list[Tensor]:
        """A (1, d) gradient for each request."""
        if not requests:
            return []
        models = [params for _, params, _ in requests]
        # Rounds read one version: it serves all jobs without a copy.
        shared = len(models) > 1 and all(model is models[0] for model in models)
        params = models[0].unsqueeze(0) if shared or len(models) == 1 else torch.stack(models)
        found = self.gradients(params, self._batch([(worker, key) for worker, _, key in requests]))
        return [found] if len(models) == 1 else list(torch.split_copy(found, 1))

    def _local_steps(self, tasks: Sequence[Task]) -> list[Tensor]:
        """(1, d) start − end for each task; all take their steps together, as long as they have any."""
        works = [task.work for task in tasks if isinstance(task.work, LocalSteps)]
        if not works:
            return []
        starts = torch.stack([task.params[0] for task in tasks])
        ends = starts.clone()
        rates = torch.tensor([work.lr for work in works], dtype=ends.dtype, device=ends.device).unsqueeze(1)
        for turn in range(max(len(work.batches) for work in works)):
            active = [row for row, work in enumerate(works) if turn < len(work.batches)]
            batch = self._batch([(tasks[row].job.worker, works[row].batches[turn]) for row in active])
            if len(active) == len(works):
                ends -= rates * self.gradients(ends, batch)
            else:
                at = torch.tensor(active, device=ends.device)
                ends[at] -= rates[at] * self.gradients(ends[at], batch)
        return list(torch.split_copy(starts - ends, 1))

    def _batch(self, keys: Sequence[tuple[int, BatchKey]]) -> Batch:
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
