"""The interfaces of codes: what every worker of a round adds up, and how the messages become the gradient of the
round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from byzsgd.checks import require
from byzsgd.codes.decoding import decode
from byzsgd.interfaces import Rule
from byzsgd.interfaces.values import Stream


@dataclass(frozen=True, eq=False)
class CodeContext:
    """The context of a code in one run."""

    sizes: tuple[int, ...]  # examples of one batch of each of the n parts
    stream: Stream
    rule: Rule | None = None  # the rule of `scheme/rule`, for a code that takes one

    def once(self) -> np.random.Generator:
        """The generator for draws once in a run."""
        return self.stream("code", 0, 0)

    def of_round(self, number: int) -> np.random.Generator:
        """The generator for the draws of one round."""
        return self.stream("code", 1, number)


@dataclass(frozen=True, eq=False)
class Decoded:
    """The result of a round."""

    direction: Tensor | None  # (d,) gradient of the mean loss over the examples of the round; None: no vector was left
    amplification: float = 1.0  # the largest decoding coefficient: it multiplies the rounding errors of messages
    left_out: int = 0  # groups whose vote had no strict majority


class CodeInUse(Protocol):
    """Frozen. Worker i sends Σ_k coefficients[i, k]·(sum of the gradients over part k)."""

    @property
    def coefficients(self) -> np.ndarray:
        """(n, n) float64 or complex128; complex sums travel as (2d,): real parts, then imaginary ones."""

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        """The result of round `number`; None: more messages are needed. `arrived`: the messages by worker, in the order
        of their arrival. Called after every arrival, and pure."""


class Code(Protocol):
    """A code with its settings."""

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        """ValueError where the code does not exist for n workers, or the rule does not fit it."""

    def use(self, context: CodeContext) -> CodeInUse: ...


class MatrixCode(Code, Protocol):
    """A code against s stragglers: any n − s rows of its matrix add up to the sum of all parts."""

    @property
    def stragglers(self) -> int: ...

    def matrix(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        """(n, n) float64."""


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear code in one run: the first n − s messages are decoded by least squares."""

    coefficients: np.ndarray  # (n, n)
    stragglers: int
    examples: int  # of a round

    @classmethod
    def of(cls, code: MatrixCode, context: CodeContext) -> Linear:
        matrix = code.matrix(len(context.sizes), context.once())
        return cls(matrix, code.stragglers, sum(context.sizes))

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        if len(arrived) < len(self.coefficients) - self.stragglers:
            return None
        survivors = sorted(arrived)
        weights = decode(self.coefficients, survivors)
        total = added((float(a), arrived[worker]) for a, worker in zip(weights, survivors, strict=True))
        return Decoded(total.div_(self.examples), float(np.abs(weights).max()))


def added(terms: Iterable[tuple[float, Tensor]]) -> Tensor:
    """(d,) Σ weight·vector over (weight, vector), one term after another. A matrix product may round differently at
    another address in memory, and replicas must be equal to the bit."""
    total: Tensor | None = None
    for weight, vector in terms:
        total = vector * weight if total is None else total.add_(vector, alpha=weight)
    assert total is not None
    return total


def require_no_rule(who: str, rule: Rule | None) -> None:
    """ValueError where a code that decodes the mean gets a rule."""
    require(rule is None, who, "no rule, since it decodes the mean (scheme/code=detox takes one)", rule=rule)
