"""The exchange `moniqua`: models modulo a bound on how far neighbours are apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Sent
from byzsgd.schemes.exchanges.stacked import Stacked, Stateless, gossip_step

PRECISE = 16  # bits up to which the codes of a float32 model are exact enough in float32


@dataclass(frozen=True, kw_only=True)
class Moniqua(Stateless, Stacked[None]):
    """Codes of the models modulo B, of `bits` bits a coordinate, without any memory at sender or receiver.

        B = 2θ/(1 − 2δ);  z mod a = z − a·⌊z/a + ½⌋ ∈ [−a/2, a/2)
        send      c_i = Q((x_i/B) mod 1) ∈ {0 … 2^bits − 1}
        estimate  x̂_j = (dec(c_j)·B − x_i) mod B + x_i, at receiver i, also for j = i
        mix       x_i ← x_i + γ·Σ_j W_ij (x̂_j − x̂_i)

    Nearest rounding: c = min(⌊(z+½)·2^bits⌋, 2^bits − 1), dec(c) = (c+½)/2^bits − ½, δ = 2^−(bits+1). Stochastic:
    c = ⌊(z+½)·2^bits + u⌋ mod 2^bits, dec(c) = c/2^bits − ½, δ = 2^−bits. Where |x_i − x_j| < θ in every coordinate,
    |x̂_j − x_j| ≤ δB; where not, the estimate is wrong by up to B and nothing in the algorithm notices: the record does
    (`theta_violations`, `largest_gap`). One bit works with nearest rounding alone, and needs a small slack γ.

    `theta`: a number; `theory`, 2ηG·log(16n)/(γ(1−ρ)) with G = `gradient_bound` on every coordinate of a gradient; or
    `pilot`, `pilot_factor` times the largest gap of the same run with exchange=plain. `uniforms`: of stochastic
    rounding, the same for all nodes of a round (`shared`; equal models then agree exactly) or each node's `own`.

    Lu, De Sa: Moniqua: modulo quantized communication in decentralized SGD (ICML 2020, arXiv 2002.11787).
    """

    bits: int = 8
    theta: float | Literal["theory", "pilot"] = "pilot"
    rounding: Literal["nearest", "stochastic"] = "nearest"
    gamma: float = 1.0
    uniforms: Literal["shared", "own"] = "shared"
    pilot_factor: float = 1.5
    gradient_bound: float | None = None

    memoryless: ClassVar[bool] = True

    def __post_init__(self) -> None:
        who = "the exchange moniqua"
        require(1 <= self.bits <= 32, who, "1 <= bits <= 32", bits=self.bits)
        require(self.rounding in ("nearest", "stochastic"), who, "rounding nearest or stochastic",
                rounding=self.rounding)  # fmt: skip
        require(self.uniforms in ("shared", "own"), who, "uniforms shared or own", uniforms=self.uniforms)
        require(self.delta < 0.5, who, "delta < 1/2 (at one bit: rounding=nearest)", bits=self.bits,
                rounding=self.rounding)  # fmt: skip
        is_word = self.theta in ("theory", "pilot")
        positive = not isinstance(self.theta, str) and 0 < self.theta < math.inf
        require(is_word or positive, who, "a finite theta > 0, theory or pilot", theta=self.theta)
        require(0 < self.gamma <= 1, who, "0 < gamma <= 1", gamma=self.gamma)
        require(self.pilot_factor > 0, who, "pilot_factor > 0", pilot_factor=self.pilot_factor)
        bound = self.gradient_bound
        require(self.theta != "theory" or (bound is not None and 0 < bound < math.inf), who,
                "a finite gradient_bound > 0 for theta=theory", gradient_bound=bound)  # fmt: skip

    @property
    def random(self) -> bool:  # type: ignore[override]
        return self.rounding == "stochastic"

    @property
    def shared(self) -> bool:  # type: ignore[override]
        return self.uniforms == "shared"

    @property
    def delta(self) -> float:
        """δ, the largest error of a code in units of the modulus."""
        return 2.0 ** -(self.bits + (self.rounding == "nearest"))

    @property
    def gap_bound(self) -> float:
        """θ; ValueError as long as it is a word."""
        if isinstance(self.theta, str):
            raise ValueError(f"the exchange moniqua needs a number for theta by now; got theta={self.theta}")
        return self.theta

    @property
    def modulus(self) -> float:
        """B = 2θ/(1 − 2δ); ValueError as long as θ is a word."""
        return 2.0 * self.gap_bound / (1.0 - 2.0 * self.delta)

    def codes(self, model: Tensor, uniforms: Tensor | None) -> Tensor:
        """(d,) -> (d,) of int64 in 0 … 2^bits − 1. Several models at once are (n, d)."""
        return self._levels(model, uniforms).to(torch.int64)

    def estimate(self, codes: Tensor, own: Tensor) -> Tensor:
        """Codes (d,) of a neighbour -> its model (d,) as the node with the model `own` (d,) takes it to be."""
        return self.rows(own, self._residues(codes.to(own.dtype if self.bits <= PRECISE else torch.float64), own))

    def send(self, state: None, model: Tensor, uniforms: Tensor | None) -> Sent[None]:
        return Sent(self._residues(self._levels(model, uniforms), model), self.nominal_bits(model.numel()), None)

    def nominal_bits(self, num_parameters: int) -> int:
        return self.bits * num_parameters

    def rows(self, own: Tensor, received: Tensor) -> Tensor:
        return _modulo(received - own, self.modulus).add_(own)

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        return gossip_step(own, self.rows(own, sent), self.rows(own, received), weights, self.gamma)

    def pair(
        self, state: dict[int, None], own: Tensor, other: Tensor, uniforms: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        messages = torch.stack([self.send(None, model, uniforms).vector for model in (own, other)])
        half = 0.5 * self.gamma
        mine, theirs = self.rows(own, messages), self.rows(other, messages)
        return own.add(mine[1] - mine[0], alpha=half), other.add(theirs[0] - theirs[1], alpha=half)

    def _levels(self, model: Tensor, uniforms: Tensor | None) -> Tensor:
        """The codes as real numbers."""
        count = 1 << self.bits
        exact = model if self.bits <= PRECISE else model.double()
        exact_levels = _modulo(exact / self.modulus, 1.0).add_(0.5).mul_(count)
        if not self.random:
            return exact_levels.floor_().clamp_(max=count - 1)  # of no effect as long as rounding keeps z below ½
        assert uniforms is not None
        levels: Tensor = (exact_levels + uniforms).floor().remainder(count)
        return levels

    def _residues(self, levels: Tensor, like: Tensor) -> Tensor:
        """dec(c)·B: all that a code says of a model, in the precision of `like`."""
        middle = 0.0 if self.random else 0.5
        return ((levels + middle) / (1 << self.bits)).sub_(0.5).mul_(self.modulus).to(like.dtype)


def _modulo(values: Tensor, modulus: float) -> Tensor:
    """z − a·⌊z/a + ½⌋ ∈ [−a/2, a/2), in new memory."""
    return values - (values / modulus).add_(0.5).floor_().mul_(modulus)
