"""The base classes of compressors, with the settings that the channel reads."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Sending, Wire, WorkerContext

ALONE = Sending(0)  # for a vector that is compressed outside of a run


def is_finite(vector: Tensor) -> bool:
    """Whether all coordinates are finite. If their sum is finite, one pass is enough."""
    return math.isfinite(float(vector.sum())) or bool(vector.isfinite().all())


@dataclass(frozen=True, kw_only=True)
class Lossy:
    """The settings of every compressor; `byzsgd.interfaces.Compressor` defines their meaning.

    Error feedback at the worker: p = g + e, C(p) is sent, e ← p − C(p), from e = 0 (EF-signSGD: Karimireddy, Rebjock,
    Stich, Jaggi: Error feedback fixes signSGD and other gradient compression schemes, ICML 2019, arXiv 1901.09847;
    Mem-SGD: Stich, Cordonnier, Jaggi: Sparsified SGD with memory, NeurIPS 2018, arXiv 1809.07599).
    """

    feedback: bool = False
    feedback_units: Literal["gradient", "step"] = "gradient"
    per: Literal["vector", "layer"] = "vector"
    enforce: bool = True
    lossless: ClassVar[bool] = False
    random: ClassVar[bool] = False
    scaled: ClassVar[bool] = True  # whether the size of the vector arrives; False: only signs do

    @property
    def needs_loss(self) -> bool:
        return False

    @property
    def needs_round(self) -> bool:
        return False

    @property
    def fixed_length(self) -> bool:
        return True


@dataclass(frozen=True, kw_only=True)
class Stateless(Lossy, ABC):
    """A compressor without state."""

    def init(self, context: WorkerContext) -> None:
        return None

    def encode(self, state: None, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> tuple[Wire, None]:
        return self.wire(vector, uniforms, sending), None

    def compress(self, vector: Tensor, uniforms: Tensor | None) -> tuple[Tensor, int]:
        """(d,) the decoded message of a vector (d,), and its bits; `uniforms` (d,) in [0, 1)."""
        if not is_finite(vector):
            count = int((~vector.isfinite()).sum())
            require(False, type(self).__name__, "a vector of finite numbers", not_finite=count, d=vector.numel())
        wire = self.wire(vector, uniforms, ALONE)
        return self.decode(wire), wire.bits

    @abstractmethod
    def wire(self, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> Wire:
        """The message of a finite vector (d,)."""

    @abstractmethod
    def decode(self, wire: Wire) -> Tensor:
        """(d,) the vector of a message, in new memory."""

    @abstractmethod
    def nominal_bits(self, num_parameters: int) -> int:
        """Bits of a message of d coordinates."""


@dataclass(frozen=True, kw_only=True)
class Random(Stateless):
    """A compressor that draws one uniform number for each coordinate."""

    random: ClassVar[bool] = True

    def wire(self, vector: Tensor, uniforms: Tensor | None, sending: Sending) -> Wire:
        assert uniforms is not None
        return self.drawn(vector, uniforms, sending)

    @abstractmethod
    def drawn(self, vector: Tensor, uniforms: Tensor, sending: Sending) -> Wire:
        """The message of a finite vector (d,) with its uniform numbers (d,)."""
