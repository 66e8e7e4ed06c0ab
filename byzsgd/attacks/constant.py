"""One vector for ever."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from byzsgd.attacks.normal import normal
from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, Attack, View
from byzsgd.interfaces.compiled import compiled_as


@dataclass
class Chosen:
    """The vector that all liars send, once one of them has chosen it."""

    vector: Tensor | None = None


@compiled_as("view")
@dataclass(frozen=True, kw_only=True)
class Constant(Attack[Chosen]):
    """All liars always send the same (d,) vector, which the first of them chooses.

    `direction` random: scale times a unit vector drawn at random; opposite: −scale times the first liar's own vector.
    A vector that never changes has Lipschitz coefficient 0, whatever the model does: Kardam's filter on a worker's own
    coefficients accepts it always.

    Otsuka, Takezawa, Meyer, Koloskova, Yamada: THROTTLE (2026) flood with a fixed unit vector, scale = 10.
    """

    scale: float = 10.0
    direction: Literal["random", "opposite"] = "random"

    def __post_init__(self) -> None:
        require(math.isfinite(self.scale), "constant", "a finite scale", scale=self.scale)
        known = ("random", "opposite")
        require(self.direction in known, "constant", "direction random or opposite", direction=self.direction)

    def init(self, context: AdversaryContext) -> Chosen:
        return Chosen()

    def forge(self, view: View[Chosen]) -> Tensor:
        chosen = view.memory
        if chosen.vector is None:
            chosen.vector = self._choose(view)
        return chosen.vector

    def _choose(self, view: View) -> Tensor:
        if self.direction == "opposite":
            return view.own * -self.scale
        noise = normal(view)
        size = float(torch.linalg.vector_norm(noise))
        return noise * (self.scale / size)
