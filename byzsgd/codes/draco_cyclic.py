from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.codes.rounds import CodeContext, Decoded, added, require_no_rule
from byzsgd.interfaces import Rule

FAR = 1e3  # times the median size of a message: larger numbers are cut to it, since their sender lies in any case


@dataclass(frozen=True, kw_only=True)
class DracoCyclic:
    """Worker i adds up the r = 2f + 1 parts i … i + 2f (mod n) with complex coefficients: any f lies are located.

    The other messages decode to the exact sum. A message is (2d,): real parts, then imaginary ones. All columns of the
    code are values of polynomials of degree below n − 2f, with constant term 1, at the n-th roots of unity. The 2f
    missing Fourier coefficients of one random projection of the messages locate the lies, as in the decoding of
    Reed-Solomon codes. A round ends once n − f messages agree with one code word: n − 2f of them are honest and
    determine it.

    Chen, Wang, Charles, Papailiopoulos: DRACO: Byzantine-resilient Distributed Training via Redundant Gradients; ICML
    2018, arXiv 1803.09877.
    """

    replicas: int  # r = 2f + 1

    def check(self, num_workers: int, rule: Rule | None = None) -> None:
        r = self.replicas
        require(r >= 1 and r % 2 == 1, "draco_cyclic", "an odd number of replicas (2f + 1)", replicas=r)
        require(r <= num_workers, "draco_cyclic", "replicas <= num_workers", replicas=r, num_workers=num_workers)
        require_no_rule("draco_cyclic", rule)

    def matrix(self, num_workers: int, rng: np.random.Generator | None = None) -> np.ndarray:
        """(n, n) complex128; row i is non-zero only at i … i + 2f (mod n)."""
        n, r = num_workers, self.replicas
        points = roots(n)
        matrix = np.zeros((n, n), dtype=np.complex128)
        for part in range(n):
            members = (part - np.arange(r)) % n
            others = np.setdiff1d(np.arange(n), members)
            matrix[members, part] = np.prod(1.0 - points[members, None] / points[None, others], axis=1)
        return matrix

    def use(self, context: CodeContext) -> DracoCyclicInUse:
        return DracoCyclicInUse(self.matrix(len(context.sizes)), self.replicas // 2, context)


@dataclass(frozen=True, eq=False)
class DracoCyclicInUse:
    """`DracoCyclic` for one run."""

    coefficients: np.ndarray
    f: int
    context: CodeContext

    def decoded(self, arrived: Mapping[int, Tensor], number: int) -> Decoded | None:
        n, f = len(self.coefficients), self.f
        if len(arrived) < n - f:
            return None
        word = self._projected(arrived, number)
        silent = [worker for worker in range(n) if worker not in arrived]
        good = np.setdiff1d(np.arange(n), suspects(word, f))
        precision = torch.finfo(next(iter(arrived.values())).dtype).eps
        if np.isin(silent, good).any() or not agree(word, good, n - 2 * f, precision):
            return Decoded(None, left_out=1) if len(arrived) == n else None
        powers = roots(n)[good, None] ** np.arange(n - 2 * f)
        first = np.eye(1, n - 2 * f)[0]
        weights = np.linalg.lstsq(powers.T, first.astype(np.complex128), rcond=None)[0]
        terms = []
        for weight, worker in zip(weights, good.tolist(), strict=True):
            real, imaginary = arrived[worker].chunk(2)
            terms += [(float(weight.real), real), (-float(weight.imag), imaginary)]
        total = added(terms)
        return Decoded(total.div_(sum(self.context.sizes)), float(np.abs(weights).max()))

    def _projected(self, arrived: Mapping[int, Tensor], number: int) -> np.ndarray:
        """(n,) complex128: the projection of each message, in double precision; 0: no message, or it is not finite."""
        d = next(iter(arrived.values())).numel() // 2
        along = torch.from_numpy(self.context.of_round(number).standard_normal(d))
        word: np.ndarray = np.zeros(len(self.coefficients), dtype=np.complex128)
        for worker, vector in arrived.items():
            real, imaginary = (vector.double().cpu().view(2, d) @ along).tolist()
            word[worker] = complex(real, imaginary)
        word[~np.isfinite(word)] = 0.0
        size: np.ndarray = np.abs(word)
        if (most := FAR * float(np.median(size))) > 0:
            word *= np.minimum(1.0, most / np.maximum(size, most))
        return word


def roots(n: int) -> np.ndarray:
    """(n,) complex128, the n-th roots of unity in order."""
    points: np.ndarray = np.exp(2j * np.pi * np.arange(n) / n)
    return points


def suspects(word: np.ndarray, f: int) -> np.ndarray:
    """(f,) the positions at which a word (n,) with at most f wrong numbers may be wrong. They contain all wrong
    ones."""
    n = len(word)
    syndromes = (roots(n).conj()[None, :] ** np.arange(n - 2 * f, n)[:, None]) @ word
    hankel = syndromes[np.arange(f)[:, None] + np.arange(f + 1)[None, :]]
    locator = np.linalg.svd(hankel)[2][-1].conj() if f else np.ones(1)  # hankel @ locator = 0
    values = np.polyval(locator[::-1], roots(n).conj())
    return np.sort(np.argsort(np.abs(values), kind="stable")[:f])


def agree(word: np.ndarray, good: np.ndarray, dimension: int, precision: float) -> bool:
    """Whether the numbers at the positions `good` are values of one polynomial with `dimension` coefficients, up to the
    rounding of messages of this precision."""
    powers = roots(len(word))[good, None] ** np.arange(dimension)
    fitted = powers @ np.linalg.lstsq(powers, word[good], rcond=None)[0]
    return bool(np.abs(fitted - word[good]).max() <= precision**0.7 * max(float(np.abs(word[good]).max()), 1e-300))
