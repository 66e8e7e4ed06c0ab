"""Which model of a run is evaluated, and which metrics its nodes add."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

import torch
from torch import Tensor

from byzsgd.kernel.engine.problem import SupervisedProblem
from byzsgd.kernel.world import World

MOST_NODES = 64  # up to so many nodes are each evaluated under metrics.nodes=auto


class Evaluation(Protocol):
    """Measures a world and changes nothing."""

    def model(self, world: World) -> Tensor:
        """(d,) the model that stands for the run."""

    def nodes(self, world: World) -> Tensor | None:
        """(n, d) the models of all nodes; None: there is only one model."""

    def measured(self, world: World) -> dict[str, float]:
        """One row of metrics."""


@dataclass(frozen=True)
class OfServer:
    """Evaluates the one model, that of the server."""

    problem: SupervisedProblem

    def model(self, world: World) -> Tensor:
        return world.models.live[0]

    def nodes(self, world: World) -> None:
        return None

    def measured(self, world: World) -> dict[str, float]:
        return self.problem.evaluate(self.model(world))


@dataclass(frozen=True)
class OfNodes:
    """Every node has a model. The mean x̄ over the h honest nodes stands for the run.

    Its metrics come first. With classes follow the accuracies of the honest nodes' own models: `worst_accuracy`,
    `node_accuracy` (their mean) and `best_accuracy`. `consensus` is (1/h)·Σ ‖x_i − x̄‖². `bits_up` counts all bits sent
    so far. `bits_down` is 0, since no server answers.
    """

    problem: SupervisedProblem
    honest: Sequence[int]
    each: bool  # whether nodes are evaluated one by one

    def model(self, world: World) -> Tensor:
        return self._rows(world).mean(dim=0)

    def nodes(self, world: World) -> Tensor:
        live = world.models.live
        return torch.stack([live[node] for node in sorted(live)])

    def measured(self, world: World) -> dict[str, float]:
        rows = self._rows(world)
        mean = rows.mean(dim=0)
        metrics = self.problem.evaluate(mean)
        if self.each and "test_accuracy" in metrics:
            own = [self.problem.accuracy(row) for row in rows]
            metrics |= {"worst_accuracy": min(own), "node_accuracy": fmean(own), "best_accuracy": max(own)}
        metrics["consensus"] = float((rows - mean).double().square().sum()) / len(rows)
        return {**metrics, "bits_up": float(world.scheme.bits), "bits_down": 0.0}

    def _rows(self, world: World) -> Tensor:
        return torch.stack([world.models.live[node] for node in self.honest])
