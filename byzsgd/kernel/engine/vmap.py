from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Attack, Batch
from byzsgd.kernel.engine.batched import Batched, apart
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.evaluation import mean_loss
from byzsgd.kernel.engine.group_size import group_size
from byzsgd.kernel.engine.problem import SupervisedProblem

Compute = Callable[[Sequence[Tensor], Batch], list[Tensor]]


def vmap(
    problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /, *, max_in_flight_bytes: int
) -> Batched:
    """Many gradients at once by torch.func.vmap, for any model that it can trace: no control flow that depends on
    data, no sparse or in-place tricks."""
    compute = vmap_gradients(problem)
    trouble = obstacle(problem, compute)
    require(not trouble, "engine vmap", "a model that torch.func.vmap can treat (engine=auto takes what fits)",
            found=trouble)  # fmt: skip
    group, ahead = group_size(problem, max_in_flight_bytes)
    return Batched(
        name="vmap", gradients=compute, batches=batches, poisons=poisons, group=group, ahead=ahead
    )  # fmt: skip


def vmap_gradients(problem: SupervisedProblem) -> Compute:
    """(g models (d,) or one for all, (g, B, …) batches) -> g gradients (1, d)."""
    module, loss = problem.module, problem.data.loss
    parameters_by_name = [(name, parameter) for name, parameter in module.named_parameters() if parameter.requires_grad]
    names = [name for name, _ in parameters_by_name]
    shapes = [parameter.shape for _, parameter in parameters_by_name]
    sizes = [parameter.numel() for _, parameter in parameters_by_name]

    def value(parameters: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        return mean_loss(torch.func.functional_call(module, parameters, (inputs,)), targets, loss)

    every = torch.func.vmap(torch.func.grad(value), randomness="error")

    def compute(models: Sequence[Tensor], batch: Batch) -> list[Tensor]:
        groups = len(batch.targets)
        params = models[0].expand(groups, -1) if len(models) == 1 else torch.stack(tuple(models))
        parts = torch.split(params, sizes, dim=1)
        parameters = {
            name: part.reshape(groups, *shape) for name, part, shape in zip(names, parts, shapes, strict=True)
        }
        gradients = every(parameters, batch.inputs, batch.targets)
        return apart(torch.cat([gradients[name].reshape(groups, -1) for name in names], dim=1))

    return compute


def obstacle(problem: SupervisedProblem, compute: Compute) -> str:
    """Why vmap cannot treat the model; empty: it can. Tried on two batches of two examples."""
    params = problem.flat.values()
    first = problem.data.train
    examples = [0, min(1, len(first.targets) - 1)]
    inputs, targets = (torch.stack([values[examples]] * 2) for values in (first.inputs, first.targets))
    batch = Batch(inputs, targets, problem.data.num_classes)
    try:
        gradients = compute([params], batch)
    except (RuntimeError, ValueError, NotImplementedError, TypeError) as error:
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    reference = problem.gradient(params, Batch(inputs[0], targets[0], batch.num_classes))
    close = torch.allclose(gradients[0][0], reference, rtol=1e-3, atol=1e-5 * float(1 + reference.abs().max()))
    return "" if close else "another gradient than autograd's"
