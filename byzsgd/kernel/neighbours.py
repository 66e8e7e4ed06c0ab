"""Liars among neighbours: they forge the model that each neighbour is told, and their own goes on by the algorithm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from byzsgd.interfaces import Aggregator, Edge, Message, Neighbourhood, View
from byzsgd.kernel.adversary import Adversary, Liars
from byzsgd.kernel.jobs import Pending

if TYPE_CHECKING:
    from byzsgd.kernel.world import World


@dataclass(frozen=True, kw_only=True, eq=False)
class LyingNeighbours(Liars):
    """What the liars see are models: at knowledge `delivered` those that honest nodes told one of them last, at
    `in_flight` those that all honest nodes have now. A gradient is nobody's business."""

    def needs(self, world: World, worker: int) -> tuple[int, ...]:
        return (worker,)

    def pass_on(self, world: World, pending: Pending, message: Message) -> Message:
        return message

    def delivered(self, world: World, pending: Pending, sent: Tensor, vector: Tensor, norm: float) -> None:
        Adversary.delivered(self, world, pending, sent, vector, norm)

    def sent_model(self, world: World, edge: Edge) -> Tensor:
        lies = edge.sender in self.liars
        if edge.receiver in self.liars:
            if not lies and self.sees != "own":
                world.adversary.delivered[edge.sender] = edge.model
            return edge.model
        if not (lies and self.forges):
            return edge.model
        forged = self.attack.forge(self._edge_view(world, edge))
        return forged.vector if isinstance(forged, Message) else forged

    def _edge_view(self, world: World, edge: Edge) -> View:
        models = world.models
        return View(
            worker=edge.sender,
            own=edge.model,
            honest=self._models(world, edge.model),
            params=edge.own,
            read_params=edge.model,
            read_at=models.version[edge.sender],
            step=models.version[edge.sender],
            time=world.time,
            num_workers=self.num_workers,
            num_byzantine=len(self.byzantine),
            f=self.f,
            aggregator=cast("Aggregator", None),
            state=None,
            # Of this message alone: one sender tells every neighbour something of its own in every round.
            rng=self.draws.at(edge.sender, edge.number * self.num_workers + edge.receiver),
            memory=world.adversary.attack,
            receiver=edge.receiver,
            neighbourhood=self._neighbourhood(edge) if self.sees == "in_flight" else None,
        )

    def _models(self, world: World, like: Tensor) -> Tensor:
        """(h, d)"""
        if self.sees == "own":
            return like.new_empty((0, like.numel()))
        models = world.models.live if self.sees == "in_flight" else world.adversary.delivered
        rows = [models[node] for node in self.honest if node in models]
        return torch.stack(rows) if rows else like.new_empty((0, like.numel()))

    def _neighbourhood(self, edge: Edge) -> Neighbourhood:
        honest = [at for at, node in enumerate(edge.neighbours) if node not in self.liars]
        weights = edge.weights[honest]
        rows = [edge.models[at] for at in honest]
        together = torch.stack(rows) if rows else edge.own.new_empty((0, edge.own.numel()))
        return Neighbourhood(edge.own, together, weights, float(edge.weights.sum() - weights.sum()))
