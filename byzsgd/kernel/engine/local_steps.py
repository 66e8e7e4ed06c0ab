"""Local SGD: steps that a worker takes by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from byzsgd.interfaces import BatchKey, LocalSteps, Task

# g models (d,), g times (worker, batch) -> g gradients (1, d)
Gradients = Callable[[Sequence[Tensor], Sequence[tuple[int, BatchKey]]], list[Tensor]]


def trajectories(tasks: Sequence[Task], gradients: Gradients) -> Iterator[Tensor]:
    """(g, d) the models of g tasks of local steps before the first step and after each, always in the same memory. All
    step together; a task without another batch stays where it is."""
    works = [task.work for task in tasks if isinstance(task.work, LocalSteps)]
    models = torch.stack([task.params[0] for task in tasks])
    rates = models.new_tensor([work.lr for work in works]).unsqueeze(1)
    yield models
    for turn in range(max(len(work.batches) for work in works)):
        active = [row for row, work in enumerate(works) if turn < len(work.batches)]
        keys = [(tasks[row].job.worker, works[row].batches[turn]) for row in active]
        if len(active) == len(works):
            models -= rates * torch.cat(gradients(models.unbind(), keys))
        else:
            at = torch.tensor(active, device=models.device)
            models[at] -= rates[at] * torch.cat(gradients(models[at].unbind(), keys))
        yield models


def differences(tasks: Sequence[Task], gradients: Gradients) -> Tensor:
    """(g, d) start − end: the results of g tasks of local steps."""
    *_, ends = trajectories(tasks, gradients)
    return torch.stack([task.params[0] for task in tasks]) - ends
