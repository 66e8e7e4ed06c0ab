"""What travels: compressors, and what goes over the wire."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

from torch import Tensor

from byzsgd.interfaces.values import S, value
from byzsgd.interfaces.worker import WorkerContext


@value
class Wire:
    """What a sender puts on the wire, before the receiver decodes it."""

    symbols: Tensor  # (m,) of each coordinate that is sent: its sign, its signed level, or its value
    scale: Tensor | None  # () or (buckets,): what the symbols are multiplied by
    indices: Tensor | None  # (m,) the coordinates in ascending order; None: all d of them
    num_parameters: int  # d
    bits: int  # of payload and headers; what both ends derive from the seed costs nothing


@value
class Sending:
    """What a sender knows beside its vector."""

    read_at: int  # server updates before the model that it read
    lr: float | None = None  # the learning rate at that model; None: the optimizer has none to tell
    loss: float | None = None  # the train loss of that model, for a compressor that needs it
    max_abs: Tensor | None = None  # (d,) the largest |g_j| of the round's n workers, for a compressor that needs it


class Compressor(Protocol[S]):
    """Turns a vector into fewer bits. Frozen; what it remembers of one sender is in that sender's State.

    The channel reads the four settings that all of them have: `feedback` (the sender adds what the last message lost),
    `feedback_units` (what is remembered is a gradient, or a step: multiplied by the old over the new learning rate),
    `per` (the whole vector is compressed at once, or each parameter tensor by itself) and `enforce` (liars that forge
    must send what the channel carries; false: any vector, at 32·d bits).
    """

    lossless: ClassVar[bool]  # what arrives is what was sent, and costs 32·d bits
    random: ClassVar[bool]  # whether it draws uniform numbers

    @property
    def feedback(self) -> bool: ...

    @property
    def feedback_units(self) -> Literal["gradient", "step"]: ...

    @property
    def per(self) -> Literal["vector", "layer"]: ...

    @property
    def enforce(self) -> bool: ...

    @property
    def needs_loss(self) -> bool:
        """Whether it asks for `Sending.loss`."""

    @property
    def needs_round(self) -> bool:
        """Whether it asks for `Sending.max_abs`."""

    @property
    def fixed_length(self) -> bool:
        """Whether `nominal_bits` is the length of every message."""

    def init(self, context: WorkerContext) -> S:
        """The State of one sender (per=layer: of one of its layers)."""

    def encode(self, state: S, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> tuple[Wire, S]:
        """Pure. `vector` (d,) is finite; `uniforms` (d,) in [0, 1) of its type, None where `random` is false."""

    def decode(self, wire: Wire) -> Tensor:
        """(d,), at the receiver, in new memory."""

    def nominal_bits(self, num_parameters: int) -> int:
        """Bits of a message of d coordinates, before it is computed; ValueError where the length depends on what
        is sent."""
