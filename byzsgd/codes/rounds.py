"""A code in use: what every worker of a round adds up, and when what has arrived is the gradient of the round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from byzsgd.checks import require
from byzsgd.codes.decoding import decode
from byzsgd.interfaces import Rule
from byzsgd.interfaces.values import Stream


@dataclass(frozen=True, eq=False)
class CodeContext:
    """What a code is given once for a run."""

    sizes: tuple[int, ...]  # examples of one batch of each of the n parts
    stream: Stream
    rule: Rule | None = None  # of a code that ends with one

    def once(self) -> np.random.Generator:
        """For what is drawn once for a run."""
        return self.stream("code", 0, 0)

    def of_round(self, number: int) -> np.random.Generator:
        """For what is drawn anew in every round."""
        return self.stream("code", 1, number)


@dataclass(frozen=True, eq=False)
class Decoded:
    """What a round has come to."""

    direction: Tensor | None  # (d,) gradient of the mean loss over the examples of the round; None: nothing was left
    amplification: float = 1.0  # the largest decoding coefficient: it multiplies the rounding errors of messages
    left_out: int = 0  # groups whose vote had no strict majority


class CodeInUse(Protocol):
    """Frozen. Worker i sends Σ_k coefficients[i, k]·(sum of the gradients over part k)."""

    @property
    def coefficients(self) -> np.ndarray:
        """(n, n) float64 or complex128; complex sums travel as (2d,): real parts, then imaginary ones."""

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        """`arrived`: messages by worker in the order of their arrival, in round `number`. Pure. None: more is
        needed. Asked after every arrival."""


class Code(Protocol):
    """A code as configured."""

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        """Raises ValueError when it cannot serve n workers, or the rule that is given does not fit it."""

    def use(self, context: CodeContext) -> CodeInUse: ...


class MatrixCode(Code, Protocol):
    """A code against s stragglers: any n − s rows of its matrix add up to the sum of all parts."""

    @property
    def stragglers(self) -> int: ...

    def matrix(self, num_workers: int, rng: np.random.Generator) -> np.ndarray:
        """(n, n) float64."""


@dataclass(frozen=True, eq=False)
class Linear:
    """Any n − s messages decode: least squares over the first of them to arrive."""

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
        found = decode(self.coefficients, survivors)
        total = added((float(a), arrived[worker]) for a, worker in zip(found, survivors, strict=True))
        return Decoded(total.div_(self.examples), float(np.abs(found).max()))


def added(terms: Any) -> Tensor:
    """(d,) Σ weight·vector over (weight, vector), one after another: a matrix product may round differently from one
    place in memory to the next, and replicas must not differ by a bit."""
    total: Tensor | None = None
    for weight, vector in terms:
        total = vector * weight if total is None else total.add_(vector, alpha=weight)
    assert total is not None
    return total


def require_no_rule(who: str, rule: Rule | None) -> None:
    """Raises ValueError where a rule is given to a code that decodes the mean."""
    require(rule is None, who, "no rule, since it decodes the mean (scheme/code=detox takes one)", rule=rule)
