from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from byzsgd.interfaces import Attack, Engine
from byzsgd.kernel.engine.batched import Batched
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.fused import fused, fusible
from byzsgd.kernel.engine.group_size import group_size
from byzsgd.kernel.engine.loop import Loop, loop
from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.engine.vmap import obstacle, vmap, vmap_gradients


def auto(
    problem: SupervisedProblem,
    batches: Batches,
    poisons: Mapping[int, Attack],
    /,
    *,
    max_in_flight_bytes: int,
    compiled: bool = False,  # as where nobody said it: in version 0.1
) -> Engine:
    """Chooses the engine by model, sizes and device alone: the same run has the same engine on every machine.

    `fused` for chains of linear layers; else on a GPU `vmap` where it can treat the model; else `loop`, which is the
    fastest for everything else on a CPU. Also `loop` where not even two gradients fit in the memory for looking ahead.
    With `compiled`, where Numba is installed, compiled code plays behind the first arrivals what it can, and else
    computes the gradients of chains of linear layers (byzsgd/kernel/compiled); the last bits are then others.
    """
    engine = _choose(problem, batches, poisons, max_in_flight_bytes)
    return replace(engine, stretches="auto") if compiled else engine


def compiled(
    problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /, *, max_in_flight_bytes: int
) -> Engine:
    """Compiled code plays the turns; a configuration that it cannot play is refused."""
    return replace(_choose(problem, batches, poisons, max_in_flight_bytes), stretches="always")


def _choose(
    problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], max_in_flight_bytes: int
) -> Batched | Loop:
    obstacles = _obstacles(problem, max_in_flight_bytes)
    for make in (fused, vmap):
        if not obstacles[make.__name__]:
            return make(problem, batches, poisons, max_in_flight_bytes=max_in_flight_bytes)
    engine = loop(problem, batches, poisons, max_in_flight_bytes=max_in_flight_bytes)
    return replace(engine, name=f"loop (not fused: {obstacles['fused']}; not vmap: {obstacles['vmap']})")


def _obstacles(problem: SupervisedProblem, max_in_flight_bytes: int) -> dict[str, str]:
    """What speaks against each batched engine; empty: nothing."""
    group, _ = group_size(problem, max_in_flight_bytes)
    if group < 2:
        return dict.fromkeys(("fused", "vmap"), "a model too large to compute two gradients at once")
    layers = fusible(problem)
    against = {"fused": layers if isinstance(layers, str) else "", "vmap": ""}
    if problem.device.type == "cpu":
        against["vmap"] = "slower on a CPU"
    elif any(isinstance(module, nn.RNNBase) for module in problem.module.modules()):
        against["vmap"] = "recurrent layers"
    elif against["fused"]:
        against["vmap"] = obstacle(problem, vmap_gradients(problem))
    return against
