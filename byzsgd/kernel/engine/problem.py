"""Dataset and model as a function of one flat vector."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from byzsgd.checks import require
from byzsgd.interfaces import Batch, Data, ModelFactory, Split
from byzsgd.kernel.engine.evaluation import (
    attack_success,
    evaluate,
    mean_loss,
    select,
    split_gradient,
    spread_of_gradients,
)
from byzsgd.kernel.engine.flat import FlatModule

PROBE = 2000  # training examples in the fixed probe of `train_loss`


@dataclass(frozen=True)
class _Optimum:
    """A known minimiser of the train loss; everything about it in double precision."""

    flat: FlatModule
    optimum: Tensor  # (d,)
    loss: float


class SupervisedProblem:
    """The mean loss of a model over a dataset, its gradient and its metrics, for flat (d,) parameter vectors.

    The vector holds the module's trainable parameters in the module's order. No call draws from a global random
    generator, and none depends on an earlier one.

    Optional metrics: `gradient_norm` (of the loss on all training data, or on `objective`, the indices that make up
    the honest workers' data), `validation`, `per_class` accuracy (of the classes in the test split),
    `attack_success` for a `poison` that relabels, and, of the workers whose data `blocks` are given, f = (1/n) Σ f_i,
    `dissimilarity` (1/n) Σ ‖∇f_i − ∇f‖² and `dissimilarity_norm` ‖∇f‖².
    """

    def __init__(
        self,
        model: ModelFactory,
        data: Data,
        *,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        rng: np.random.Generator,
        gradient_norm: bool = False,
        objective: np.ndarray | None = None,
        validation: bool = False,
        per_class: bool = False,
        poison: Callable[[Batch], Batch] | None = None,
        blocks: Sequence[np.ndarray] = (),
    ) -> None:
        self.device, self.dtype = torch.device(device), dtype
        self.data = on_device(data, self.device, dtype)
        _require_sound(self.data)
        self._model = model
        self.flat = FlatModule(self._build(rng).to(self.device, dtype))
        _require_fit(self.flat.module, self.data)
        self._probe = _evenly(self.data.train, PROBE)
        self._objective = self.data.train
        if gradient_norm and objective is not None:
            self._objective = select(self.data.train, objective)
        require(
            not validation or len(data.validation.targets) > 0,
            "the metric validation",
            "validation examples (dataset.validation_share)",
            examples=len(data.validation.targets),
        )
        self._gradient_norm, self._validation, self._per_class, self._poison, self._blocks = (
            gradient_norm,
            validation,
            per_class,
            poison,
            tuple(blocks),
        )
        self._optimum = self._find_optimum()

    @property
    def module(self) -> nn.Module:
        """The model; its parameters are views of the vector of the last call."""
        return self.flat.module

    @property
    def num_parameters(self) -> int:
        return self.flat.num_parameters

    @property
    def layers(self) -> tuple[int, ...]:
        """Sizes of the model's parameter tensors in the order of the flat vector; they sum to `num_parameters`."""
        return self.flat.layers

    @property
    def optimum(self) -> Tensor | None:
        """(d,) in double precision, where the dataset knows one for this model."""
        return None if self._optimum is None else self._optimum.optimum

    def initial(self, rng: np.random.Generator) -> Tensor:
        """(d,) the module's own initial values, drawn from `rng` alone."""
        return FlatModule(self._build(rng)).values().to(self.device, self.dtype)

    def loss(self, params: Tensor, batch: Batch) -> Tensor:
        """() mean loss, without a graph."""
        self.flat.load(params)
        with torch.no_grad():
            return mean_loss(self.flat.module(batch.inputs), batch.targets, self.data.loss)

    def train_loss(self, params: Tensor) -> float:
        """The mean loss on the fixed probe of the training data."""
        self.flat.load(params)
        return evaluate(self.flat, self._probe, self.data.loss).loss

    def gradient(self, params: Tensor, batch: Batch) -> Tensor:
        """(d,) of the mean loss, in new memory."""
        self.flat.load(params)
        return self.flat.gradient(mean_loss(self.flat.module(batch.inputs), batch.targets, self.data.loss))

    def evaluate(self, params: Tensor) -> dict[str, float]:
        """Metrics of the whole splits; changes nothing.

        `train_loss`: on a fixed probe, at most 2000 examples evenly spaced over the training data. `test_loss`.
        `test_accuracy`: where there are classes; else the key is missing and the record has null.
        `suboptimality` (loss on all training data minus the least possible) and `distance_to_optimum`, in double
        precision: where the optimum is known.
        """
        data, flat = self.data, self.flat
        flat.load(params)
        test = evaluate(flat, data.test, data.loss)
        metrics = {"train_loss": evaluate(flat, self._probe, data.loss).loss, "test_loss": test.loss}
        if data.num_classes:
            metrics["test_accuracy"] = float(test.correct.double().mean())
        if self._validation:
            validation = evaluate(flat, data.validation, data.loss)
            metrics["validation_loss"] = validation.loss
            if data.num_classes:
                metrics["validation_accuracy"] = float(validation.correct.double().mean())
        if self._optimum is not None:
            exact = params.double()
            self._optimum.flat.load(exact)
            loss = evaluate(self._optimum.flat, data.train, data.loss, torch.float64).loss
            metrics["suboptimality"] = loss - self._optimum.loss
            metrics["distance_to_optimum"] = float(torch.linalg.vector_norm(exact - self._optimum.optimum))
        if self._gradient_norm:
            gradient = split_gradient(flat, self._objective, data.loss)
            metrics["gradient_norm"] = float(torch.linalg.vector_norm(gradient))
        if self._blocks:
            spread, norm = spread_of_gradients(flat, data.train, self._blocks, data.loss)
            metrics |= {"dissimilarity": spread, "dissimilarity_norm": norm}
        if self._poison is not None and data.num_classes:
            success = attack_success(flat, data.test, data.num_classes, self._poison)
            metrics |= {} if success is None else {"attack_success": success}
        if self._per_class and data.num_classes:
            for label in sorted(set(data.test.targets.tolist())):
                of_class = test.correct[data.test.targets == label]
                metrics[f"test_accuracy_{label}"] = float(of_class.double().mean())
        return metrics

    def accuracy(self, params: Tensor) -> float:
        """The share of the test split that is classified correctly."""
        self.flat.load(params)
        return float(evaluate(self.flat, self.data.test, self.data.loss).correct.double().mean())

    def split_gradient(self, params: Tensor, split: Split) -> Tensor:
        """(d,) gradient of the mean loss over a whole split, in large batches."""
        self.flat.load(params)
        return split_gradient(self.flat, split, self.data.loss)

    def _build(self, rng: np.random.Generator) -> nn.Module:
        # Not torch.manual_seed: that would also seed the generators of all CUDA devices, which are not forked here.
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(int(rng.integers(2**63 - 1)))
            return self._model(tuple(self.data.train.inputs.shape[1:]), self.data.outputs)

    def _find_optimum(self) -> _Optimum | None:
        """The dataset's optimum is one of its own model: another model has another vector and knows none."""
        optimum, data = self.data.optimum, self.data
        if optimum is None or optimum.numel() != self.num_parameters:
            return None
        exact = FlatModule(copy.deepcopy(self.flat.module).double())
        norms = []
        for params in (optimum, torch.ones_like(optimum)):
            exact.load(params)
            norms.append(float(torch.linalg.vector_norm(split_gradient(exact, data.train, data.loss, torch.float64))))
        require(
            norms[0] <= 1e-5 * (1.0 + norms[1]),
            "the known optimum of the dataset",
            "a model of which it is the optimum (set model=default)",
            gradient_norm=f"{norms[0]:.3g}",
        )
        exact.load(optimum)
        return _Optimum(exact, optimum, evaluate(exact, data.train, data.loss, torch.float64).loss)


def on_device(data: Data, device: torch.device, dtype: torch.dtype) -> Data:
    """The data on a device, everything real in the run's precision; the optimum stays in double precision."""

    def move(values: Tensor) -> Tensor:
        return values.to(device, dtype if values.is_floating_point() else values.dtype)

    def move_split(split: Split) -> Split:
        return replace(split, inputs=move(split.inputs), targets=move(split.targets))

    return replace(
        data,
        train=move_split(data.train),
        validation=move_split(data.validation),
        test=move_split(data.test),
        trusted=move_split(data.trusted),
        optimum=None if data.optimum is None else data.optimum.to(device, torch.float64),
    )


def _evenly(split: Split, most: int) -> Split:
    examples = len(split.targets)
    return split if examples <= most else select(split, np.arange(most) * examples // most)


def _require_sound(data: Data) -> None:
    for name in ("train", "validation", "test", "trusted"):
        split: Split = getattr(data, name)
        require(
            len(split.inputs) == len(split.targets),
            f"dataset split {name}",
            "as many inputs as targets",
            inputs=len(split.inputs),
            targets=len(split.targets),
        )
        require(
            len(split.targets) > 0 or name in ("validation", "trusted"),
            f"dataset split {name}",
            "at least one example",
            examples=0,
        )
        if data.num_classes and len(split.targets):
            low, high = int(split.targets.min()), int(split.targets.max())
            require(
                low >= 0 and high < data.num_classes,
                f"dataset split {name}",
                "class numbers in 0 … num_classes - 1",
                least=low,
                greatest=high,
                num_classes=data.num_classes,
            )


def _generator_states(devices: Sequence[torch.device]) -> list[Tensor]:
    """Of torch's global generators."""
    return [torch.get_rng_state(), *map(torch.cuda.get_rng_state, devices)]


def _require_fit(module: nn.Module, data: Data) -> None:
    """One forward pass of two examples: the output must be what the loss asks for, and nothing may be drawn for it."""
    inputs = data.train.inputs[:2]
    devices = [inputs.device] if inputs.is_cuda else []
    try:
        with torch.inference_mode(), torch.random.fork_rng(devices):
            before = _generator_states(devices)
            output = module(inputs)
            random = any(not state.equal(was) for state, was in zip(_generator_states(devices), before, strict=True))
    except (RuntimeError, IndexError, TypeError) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(
            f"model needs inputs of another shape or kind than the dataset has; got inputs={inputs.dtype}"
            f"{list(inputs.shape[1:])} ({first})"
        ) from error
    require(not random, "model", "layers without randomness (a gradient is a function of parameters and batch alone)",
            drawn_by=type(module).__name__)  # fmt: skip
    require(isinstance(output, Tensor), "model", "one tensor as its output", output=type(output).__name__)
    got = tuple(output.shape)
    if data.loss == "cross_entropy":
        require(got == (len(inputs), data.outputs), "model", "one output for each class", output=got[1:],
                classes=data.num_classes)  # fmt: skip
    elif data.loss == "half_squared_error":
        targets = data.train.targets[:2].shape
        require(output.numel() == targets.numel(), "model", "an output of the shape of the targets", output=got[1:],
                targets=tuple(targets[1:]))  # fmt: skip
    else:
        require(output.numel() == len(inputs), "model", "one loss for each example", output=got[1:])
