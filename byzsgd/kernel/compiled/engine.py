"""The engine of the general path where compiled code computes the gradients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from byzsgd.interfaces import Attack, BatchKey
from byzsgd.kernel.compiled.arrays import Examples, between, examples, table
from byzsgd.kernel.compiled.gradient import gradients
from byzsgd.kernel.compiled.plan import is_squared
from byzsgd.kernel.copies import fresh
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.layers import Layer
from byzsgd.kernel.engine.loop import Loop
from byzsgd.kernel.engine.problem import SupervisedProblem


@dataclass(frozen=True, kw_only=True)
class Chain:
    """What the gradients of a chain of linear layers need beside models and batches."""

    layers: np.ndarray  # (layers, 4)
    squared: bool
    train: Examples
    activations: np.ndarray
    deltas: np.ndarray
    own: np.ndarray  # (B,) 0 … B - 1

    @classmethod
    def of(cls, layers: Sequence[Layer], problem: SupervisedProblem, batch_size: int) -> Chain:
        train, squared = problem.data.train, is_squared(problem)
        dtype = train.inputs.numpy().dtype
        activations, deltas = between(layers, batch_size, dtype)
        return cls(
            layers=table(layers),
            squared=squared,
            train=examples(train.inputs, train.targets, dtype, squared),
            activations=activations,
            deltas=deltas,
            own=np.arange(batch_size),
        )

    def gradients(self, params: Tensor, numbers: np.ndarray, data: Examples) -> Tensor:
        """(d,) a model, (g, B) numbers of examples in the data -> (g, d)"""
        answer = fresh(params, (len(numbers), params.numel()))
        between = self.activations, self.deltas, self.own[: numbers.shape[1]]
        arrays = params.numpy(), answer.numpy(), self.layers, numbers, *data, self.squared, *between
        gradients(*arrays)  # type: ignore[no-untyped-call]
        return answer


@dataclass(frozen=True, kw_only=True)
class CompiledGradients(Loop):
    """One gradient after another in compiled code, examples read where they lie. The bits do not depend on who shares
    a call."""

    chain: Chain

    def gradient(self, params: Tensor, worker: int, key: BatchKey) -> Tensor:
        numbers, data = self._data(worker, key)
        return self.chain.gradients(params, numbers.reshape(1, -1), data)

    def each(self, params: Tensor, worker: int, key: BatchKey) -> Iterator[Tensor]:
        numbers, data = self._data(worker, key)
        for first in range(0, len(numbers), self.group):
            yield self.chain.gradients(params, numbers[first : first + self.group].reshape(-1, 1), data)

    def _data(self, worker: int, key: BatchKey) -> tuple[np.ndarray, Examples]:
        """(B,) numbers of examples, and the data that they count: what the worker sees."""
        if worker not in self.poisons and not self.batches.augmented:
            return self.batches.indices(key).numpy(), self.chain.train
        batch = self.batch(worker, key)
        data = examples(batch.inputs, batch.targets, self.chain.activations.dtype, self.chain.squared)
        return self.chain.own[: len(batch.targets)], data


def compiled_gradients(
    layers: Sequence[Layer], problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack],
    group: int, ahead: int,
) -> CompiledGradients:  # fmt: skip
    """For the chain of a problem's model; `group` and `ahead` as in `Engine`."""
    return CompiledGradients(
        problem=problem,
        batches=batches,
        poisons=poisons,
        name="compiled gradients",
        group=group,
        ahead=ahead,
        chain=Chain.of(layers, problem, batches.batch_size),
    )
