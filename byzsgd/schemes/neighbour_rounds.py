"""Rounds among neighbours: nobody waits for more than its neighbours of the same round."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from byzsgd.interfaces import Arrival, Delivery, Edge, Outcome, Verbs, W, World, accept
from byzsgd.schemes.gaps import Gaps, Widest
from byzsgd.schemes.meeting import Meeting


@dataclass(eq=False)
class Outgoing:
    """What a node shows in one round."""

    model: Tensor  # (d,) as it has it
    sent: Tensor  # (d,) as its neighbours have it
    bits: int  # over all edges


@dataclass(eq=False)
class NeighbourRoundsState:
    """Where every node is, and what the others still need of it."""

    round: dict[int, int]
    exchange: dict[int, object]  # node -> its State of the exchange
    outgoing: dict[tuple[int, int], Outgoing] = field(default_factory=dict)  # (node, round), at most two of a node
    gradients: dict[int, Tensor | None] = field(default_factory=dict)  # of nodes that wait for a neighbour
    serial: dict[int, int] = field(default_factory=dict)  # of every node's last gradient
    drift: dict[int, Tensor] = field(default_factory=dict)  # d2: x_t − (x_{t−1} − η·g_{t−1}) of every node
    bits: int = 0  # sent so far
    widest: Widest = field(default_factory=Widest)


@dataclass(frozen=True, eq=False, kw_only=True)
class NeighbourRounds(Meeting):
    """A bound scheme of rounds: see `DPSGD` and `D2`."""

    step_first: bool
    corrected: bool  # d2

    def begin(self, kernel: Verbs[W], world: W) -> NeighbourRoundsState:
        live = world.models.live
        models = torch.stack([live[node] for node in sorted(live)])
        state = world.scheme = NeighbourRoundsState(dict.fromkeys(live, 0), self.exchange.init(models))
        for node in live:
            self._open(kernel, world, node, 0)
        return state

    def delivered(self, kernel: Verbs[W], world: W, delivery: Delivery) -> Outcome:
        state: NeighbourRoundsState = world.scheme
        (node, read_at), gradient = delivery.key, delivery.message.vector
        step, number = world.models.version[node], state.round[node]
        state.serial[node] = delivery.job.serial
        state.gradients[node] = None if self.step_first else gradient
        if self.step_first:
            kernel.apply(world, node, gradient)
            self._show(world, node, self._public_model(world, node), 0)
        bits = state.outgoing[node, number].bits
        state.bits += bits
        gaps, waiting = Gaps(self.exchange.gap_bound), [node, *self.network.at(number).neighbours[node]]
        while waiting:
            candidate = waiting.pop(0)
            if self._ready(state, candidate):
                self._mix(kernel, world, candidate, gaps)
                waiting += self.network.at(state.round[candidate]).neighbours[candidate]
        state.widest.add(gaps)
        arrival = Arrival(delivery.time, delivery.job.worker, read_at, step, gradient, None)
        decision = accept(gradient, scores=gaps.scores)
        return Outcome(arrival, decision, self.step_first or gaps.mixings > 0, bits)

    def _ready(self, state: NeighbourRoundsState, node: int) -> bool:
        number = state.round[node]
        return node in state.gradients and all(
            (other, number) in state.outgoing for other in self.network.at(number).neighbours[node]
        )

    def _mix(self, kernel: Verbs[W], world: W, node: int, gaps: Gaps) -> None:
        state: NeighbourRoundsState = world.scheme
        number, gradient, live = state.round[node], state.gradients.pop(node), world.models.live
        own = state.outgoing[node, number]
        model = self._meet(kernel, world, node, gaps)
        bits = 0
        if self.corrected:
            state.drift[node] = model - live[node]
        kernel.assign(world, node, model)
        if gradient is not None:
            kernel.apply(world, node, gradient)
            after = live[node].clone()
            uniforms = self.uniforms.at(node, number, after)
            final = self.exchange.settle_node(state.exchange[node], own.model, after, uniforms)
            state.exchange[node], bits = final.state, final.bits
            if final.vector is not after:
                kernel.assign(world, node, final.vector)
        links = self.network.at(number)
        state.round[node] = number + 1
        for other in (node, *links.neighbours[node]):
            if all(state.round[reader] > number for reader in (other, *links.neighbours[other])):
                del state.outgoing[other, number]
        self._open(kernel, world, node, bits)

    def _meet(self, kernel: Verbs[W], world: W, node: int, gaps: Gaps) -> Tensor:
        """(d,) the node's model after it has met those of its neighbours."""
        state: NeighbourRoundsState = world.scheme
        number = state.round[node]
        links, own = self.network.at(number), state.outgoing[node, number]
        neighbours = links.neighbours[node]
        if not neighbours:
            return own.model
        outgoing = [state.outgoing[other, number] for other in neighbours]
        weights, models = links.weights[node].to(own.model), [each.model for each in outgoing]
        messages, decoded = list(models), [each.sent for each in outgoing]
        for at, other in enumerate(neighbours):
            edge = Edge(other, node, number, models[at], own.model, neighbours, weights, models)
            if (message := kernel.adversary.sent_model(world, edge)) is not edge.model:
                messages[at], decoded[at] = message, self._transmit(other, number, message)
        received = torch.stack(decoded)
        exact = all(one is other for one, other in zip(messages, decoded, strict=True))
        gaps.add(own.model, received if exact else torch.stack(messages))
        if self.rule is None:
            return self.exchange.mix_node(own.model, own.sent, received, weights)
        rows = self.exchange.rows(own.model, received)
        return self.rule(own.model, rows, weights, node, state.serial[node])

    def _transmit(self, node: int, number: int, model: Tensor) -> Tensor:
        """What arrives of a model that is not the node's own; such exchanges have no State."""
        return self.exchange.send(None, model, self.uniforms.at(node, number, model)).vector

    def _public_model(self, world: World, node: int) -> Tensor:
        """(d,) what a node shows after its step."""
        state: NeighbourRoundsState = world.scheme
        model: Tensor = world.models.live[node]
        return model + state.drift[node] if node in state.drift else model.clone()

    def _open(self, kernel: Verbs[W], world: W, node: int, bits: int) -> None:
        """The node begins its round; `bits`: what it cost each neighbour to follow it here."""
        if not self.step_first:
            self._show(world, node, world.models.live[node].clone(), bits)
        kernel.start(world, node, node)

    def _show(self, world: World, node: int, model: Tensor, bits: int) -> None:
        state: NeighbourRoundsState = world.scheme
        number = state.round[node]
        message = self.exchange.send(state.exchange[node], model, self.uniforms.at(node, number, model))
        state.exchange[node] = message.state
        edges = len(self.network.at(number).neighbours[node])
        state.outgoing[node, number] = Outgoing(model, message.vector, (message.bits + bits) * edges)
