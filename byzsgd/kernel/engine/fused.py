from __future__ import annotations

from collections.abc import Mapping

from byzsgd.checks import require
from byzsgd.interfaces import Attack
from byzsgd.kernel.engine.backward import Backward
from byzsgd.kernel.engine.batched import Batched
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.group_size import group_size
from byzsgd.kernel.engine.layers import Layer, chain
from byzsgd.kernel.engine.problem import SupervisedProblem


def fused(
    problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /, *, max_in_flight_bytes: int
) -> Batched:
    """Many gradients of a linear or MLP model in a few batched matrix products, written out without autograd."""
    layers = fusible(problem)
    if isinstance(layers, str):
        require(False, "engine fused", "a chain of linear layers and activations under cross-entropy or squared errors "
                "(engine=auto takes what fits)", found=layers)  # fmt: skip
    assert not isinstance(layers, str)
    loss = problem.data.loss

    group, ahead = group_size(problem, max_in_flight_bytes)
    return Batched(
        name="fused",
        gradients=Backward(layers, loss, group),
        batches=batches,
        poisons=poisons,
        group=group,
        ahead=ahead,
    )


def fusible(problem: SupervisedProblem) -> tuple[Layer, ...] | str:
    """The layers of the model, or what stands in the way."""
    if problem.data.loss == "output":
        return "a model that computes its loss itself"
    return chain(problem.module, problem.data.train.inputs.dim() - 1)
