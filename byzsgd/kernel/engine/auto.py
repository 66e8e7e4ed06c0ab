"""The engine `auto`."""

from __future__ import annotations

from collections.abc import Mapping

from byzsgd.interfaces import Attack, Engine
from byzsgd.kernel.engine.batches import Batches
from byzsgd.kernel.engine.loop import Loop
from byzsgd.kernel.engine.problem import SupervisedProblem


def auto(problem: SupervisedProblem, batches: Batches, poisons: Mapping[int, Attack], /) -> Engine:
    """Chooses the engine by a short deterministic rule: today the loop, which works for every model."""
    return Loop(problem, batches, poisons)
