"""The way from a worker to its receiver: what is sent is compressed, behind the attack. A neighbour of the turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from byzsgd.interfaces import Compressor, Job, Message, Sending, WorkerContext, WorkerRule
from byzsgd.kernel.jobs import Pending
from byzsgd.kernel.norms import Norms
from byzsgd.kernel.randomness import Stream, Streams

if TYPE_CHECKING:
    from byzsgd.kernel.world import World


@dataclass(eq=False)
class Sender:
    """What the sending end of one worker remembers. It changes at a delivery alone."""

    states: tuple[object, ...]  # of the compressor, one for each part that it compresses by itself
    error: Tensor | None = None  # (d,) what its messages have lost so far
    lr: float | None = None  # at which that was lost, where it is a step


@dataclass(eq=False)
class ChannelState:
    """What the channel remembers and has counted."""

    senders: dict[int, Sender] = field(default_factory=dict)  # of those that have sent
    bits: int = 0  # of all messages so far
    reads: int = 0  # of models that the seed does not tell, by jobs that have started
    round: int = -1  # the version whose jobs `max_abs` is of
    max_abs: Tensor | None = None  # (d,) the largest size of every coordinate in that round
    tolerant_share: float | None = None  # of its coordinates: those on which the honest outvote all liars on average


@dataclass(frozen=True, kw_only=True, eq=False)
class Channel:
    """The null object: what is sent arrives as it is."""

    norms: Norms = field(default_factory=Norms, repr=False)

    def needs(self, world: World, workers: tuple[int, ...]) -> tuple[int, ...]:
        """Workers whose results the next delivery needs, when it needs those of `workers` for other reasons."""
        return workers

    def carry(
        self, world: World, pending: Pending, result: Tensor, own: Message, sent: Message
    ) -> tuple[Message, float]:
        """What arrives of a message, and its norm. `own` is what the worker's rule made of the result; where the worker
        forges, `sent` is another."""
        world.channel.bits += sent.bits
        return sent, self.norms.of(pending.job.worker, result, sent.vector)


@dataclass(frozen=True, kw_only=True, eq=False)
class Compressing(Channel):
    """Encodes at the sender and decodes at the receiver.

    A vector that is not finite is no input of a compressor: it arrives as it is, at 32·d bits, and is judged as every
    other such vector is.
    """

    compressor: Compressor
    worker: WorkerRule
    contexts: Mapping[int, WorkerContext]
    streams: Streams
    lr: Callable[[int], float] | None  # the learning rate behind so many updates; None: nobody can tell
    loss: Callable[[Tensor], float]  # the train loss of a model
    byzantine: frozenset[int] = frozenset()

    @cached_property
    def draws(self) -> Stream:
        return self.streams.stream("compression")

    @cached_property
    def sizes(self) -> list[int]:
        """Of the parts that are compressed by themselves."""
        context = next(iter(self.contexts.values()))
        return list(context.layers) if self.compressor.per == "layer" else [context.num_parameters]

    def needs(self, world: World, workers: tuple[int, ...]) -> tuple[int, ...]:
        if not self.compressor.needs_round or self._knows_round(world, world.pending[workers[0]].job):
            return workers
        return tuple(dict.fromkeys((*workers, *world.pending)))

    def carry(
        self, world: World, pending: Pending, result: Tensor, own: Message, sent: Message
    ) -> tuple[Message, float]:
        if self.compressor.needs_round and not self._knows_round(world, pending.job):
            self._look_round(world, pending.job, own.vector)
        forged = sent is not own
        if (forged and not self.compressor.enforce) or not _is_finite(sent.vector):
            message = Message.uncompressed(sent.vector, sent.claimed_read_at)
        else:
            vector, bits = self._transmit(world, pending, sent.vector, forged)
            message = Message(vector, bits, sent.claimed_read_at)
        world.channel.bits += message.bits
        return message, self.norms.of(pending.job.worker, result, message.vector)

    def _transmit(self, world: World, pending: Pending, vector: Tensor, forged: bool) -> tuple[Tensor, int]:
        """(d,) as the receiver decodes it, and its bits; what the sender remembers of it."""
        job, compressor = pending.job, self.compressor
        sender = self._sender(world, job.worker)
        sending = self._sending(world, pending)
        remembers = compressor.feedback and not forged
        if remembers and sender.error is not None:
            vector = vector + self._rescale(sender, sending.lr)
        vectors = vector.split_with_sizes(self.sizes)
        uniforms = self._uniforms(job, vector).split_with_sizes(self.sizes) if compressor.random else None
        first, decoded, bits, states = 0, [], 0, []
        for number, (part, state) in enumerate(zip(vectors, sender.states, strict=True)):
            own = sending
            if sending.max_abs is not None and len(vectors) > 1:
                limits = sending.max_abs[first : first + part.numel()]
                own = Sending(sending.read_at, sending.lr, sending.loss, limits)
            wire, new = compressor.encode(state, part, None if uniforms is None else uniforms[number], own)
            first += part.numel()
            decoded.append(compressor.decode(wire))
            bits += wire.bits
            states.append(new)
        vector_at_receiver = decoded[0] if len(decoded) == 1 else torch.cat(decoded)
        sender.states = tuple(states)
        if remembers:
            sender.error, sender.lr = vector - vector_at_receiver, sending.lr
        return vector_at_receiver, bits

    def _sender(self, world: World, worker: int) -> Sender:
        senders = world.channel.senders
        if worker not in senders:
            context = self.contexts[worker]
            senders[worker] = Sender(tuple(self.compressor.init(context) for _ in self.sizes))
        return senders[worker]

    def _sending(self, world: World, pending: Pending) -> Sending:
        read_at = pending.job.read_at
        lr = None if self.lr is None else self.lr(read_at)
        loss = self.loss(world.models.snapshot(pending.keys[0])) if self.compressor.needs_loss else None
        return Sending(read_at, lr, loss, world.channel.max_abs if self.compressor.needs_round else None)

    def _rescale(self, sender: Sender, lr: float | None) -> Tensor:
        """(d,) the error in units of a gradient at this learning rate."""
        assert sender.error is not None
        if self.compressor.feedback_units == "gradient" or sender.lr == lr:
            return sender.error
        assert sender.lr is not None and lr is not None
        if lr <= 0.0:
            raise ValueError(f"feedback_units=step needs a learning rate > 0; got lr={lr}")
        return sender.error * (sender.lr / lr)

    def _uniforms(self, job: Job, like: Tensor) -> Tensor:
        """(d,) the first numbers of the stretch that belongs to the job."""
        kind = np.float32 if like.dtype == torch.float32 else np.float64
        numbers = self.draws.at(job.worker, job.serial).random(like.numel(), dtype=kind)
        return torch.from_numpy(numbers).to(like.device)

    def _knows_round(self, world: World, job: Job) -> bool:
        return world.channel.round == job.read_at

    def _look_round(self, world: World, job: Job, own: Tensor) -> None:
        """The largest size of every coordinate over what the rules of all workers of this round make, before any
        attack; the first delivery of a round looks, while the others are in flight. k liars are outvoted on average
        on coordinate j where |Σ g_j| > k·b_j, the sum over the honest and b_j that largest size."""
        vectors = {job.worker: own}
        for worker, pending in world.pending.items():
            if pending.job.read_at == job.read_at:
                message, _ = self.worker.message(world.workers[worker], pending.job, world.results[worker])
                vectors[worker] = message.vector
        largest, total = torch.zeros_like(own), torch.zeros_like(own)
        for worker, vector in vectors.items():
            torch.maximum(largest, vector.abs(), out=largest)
            if worker not in self.byzantine:
                total.add_(vector)
        tolerant = total.abs() > len(self.byzantine) * largest
        state = world.channel
        state.round, state.max_abs, state.tolerant_share = job.read_at, largest, float(tolerant.double().mean())


def _is_finite(vector: Tensor) -> bool:
    return math.isfinite(float(vector.sum())) or bool(vector.isfinite().all())
