"""Redundant work, computed once: what several workers compute of the same data at the same model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from byzsgd.interfaces import Attack, BatchKey, Combined, Engine, Gradients, Job, Task
from byzsgd.kernel.engine.batches import Batches

NOBODY = -1  # computes what all honest workers would


@dataclass(slots=True, eq=False)
class Round:
    """The gradients of all blocks at one model."""

    serial: int
    params: Tensor  # (d,)
    rows: Sequence[Tensor]  # (1, d) by block


@dataclass(frozen=True, eq=False)
class Shared:
    """Computes the gradient of every block once in a round, whatever the number of replicas.

    All blocks of a round are computed together, in order, whoever asks first: so a row is a function of the model and
    the round alone, to the bit, also after a resume. A liar whose attack poisons its data has rows of its own.
    """

    engine: Engine
    batches: Batches
    blocks: int
    poisons: dict[int, Attack]
    group: int = 1
    ahead: int = 1
    rounds: list[Round] = field(default_factory=list, repr=False)  # a memory of a pure function; the newest

    @property
    def name(self) -> str:
        return self.engine.name

    def results(self, tasks: Sequence[Task]) -> list[Tensor]:
        return [self._result(task) for task in tasks]

    def _result(self, task: Task) -> Tensor:
        work, worker, params = task.work, task.job.worker, task.params[0]
        assert isinstance(work, Combined)
        if self._is_poisoned(worker, work.batches):
            rows = self._gradients(worker, params, work.batches)
        else:
            by_block = self._round(params, work.batches[0].serial).rows
            rows = [by_block[key.block] for key in work.batches]
        return torch.cat([weighted_sum(rows, weights) for weights in work.weights], dim=1)

    def _is_poisoned(self, worker: int, keys: Sequence[BatchKey]) -> bool:
        attack = self.poisons.get(worker)
        if attack is None or type(attack).poison is Attack.poison:
            return False
        return any(attack.poison(batch) is not batch for batch in map(self.batches.batch, keys))

    def _round(self, params: Tensor, serial: int) -> Round:
        for each in self.rounds:
            if each.serial == serial and torch.equal(each.params, params):
                return each
        keys = [BatchKey(block, serial) for block in range(self.blocks)]
        latest = Round(serial, params.clone(), self._gradients(NOBODY, params, keys))
        self.rounds[:] = [latest, *self.rounds[:1]]
        return latest

    def _gradients(self, worker: int, params: Tensor, keys: Sequence[BatchKey]) -> Sequence[Tensor]:
        job = Job(worker, 0, 0, 0.0, 0.0)
        return self.engine.results([Task(job, Gradients(((0, key),)), (params,)) for key in keys])


def weighted_sum(rows: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """(1, d) Σ weight·row, one after another: a matrix product may round differently from one place in memory to the
    next, and replicas must not differ by a bit."""
    total = rows[0] * weights[0]
    for row, weight in zip(rows[1:], weights[1:], strict=True):
        total.add_(row, alpha=weight)
    return total
