"""How far neighbours are apart: what a bound on it must hold against."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

SCORES = ("partner", "theta_violations", "largest_gap")  # of every scheme whose nodes meet neighbours


@dataclass
class Gaps:
    """The gaps that one delivery brought to light."""

    theta: float | None  # None: nothing relies on a bound
    largest: float = 0.0
    beyond: int = 0  # pairs of (edge, coordinate) with |x_i − x_j| ≥ θ
    pairs: int = 0
    mixings: int = 0

    def add(self, own: Tensor, others: Tensor) -> None:
        """A node with the model `own` (d,) meets k neighbours (k, d)."""
        gap = (others - own).abs_()
        self.mixings += 1
        self.pairs += gap.numel()
        self.largest = max(self.largest, float(gap.max()))
        if self.theta is not None and self.largest >= self.theta:
            self.beyond += int((gap >= self.theta).sum())

    @property
    def scores(self) -> dict[str, float]:
        """`largest_gap`, and the share `theta_violations` of (edge, coordinate) where there is a θ."""
        if not self.pairs:
            return {}
        scores = {"largest_gap": self.largest}
        return scores if self.theta is None else {**scores, "theta_violations": self.beyond / self.pairs}


@dataclass(eq=False)
class Widest:
    """The gaps of a run so far."""

    largest: float = 0.0
    violated: int = 0  # deliveries with a pair at θ or beyond
    deliveries: int = field(default=0)

    def add(self, gaps: Gaps) -> None:
        self.deliveries += 1
        self.largest = max(self.largest, gaps.largest)
        self.violated += gaps.beyond > 0

    def remarks(self, theta: float | None) -> tuple[str, ...]:
        """One line where θ was violated."""
        if theta is None or not self.violated:
            return ()
        return (
            f"theta={theta:.4g} was violated in {self.violated} of {self.deliveries} deliveries: neighbours were up to "
            f"{self.largest:.4g} apart, so codes were taken for wrong models; a larger scheme.exchange.theta, or pilot",
        )
