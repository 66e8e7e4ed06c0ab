"""The laws that a rule may declare, and the sets of them that rules of a kind have in common."""

from __future__ import annotations

from typing import Literal

Law = Literal[
    "permutation",  # the order of the rows does not matter
    "translation",  # F(x + v) = F(x) + v
    "scaling",  # F(c x) = c F(x), c > 0
    "sign",  # F(-x) = -F(x)
    "rotation",  # F(x Q) = F(x) Q, Q orthogonal
    "diagonal",  # F(x * s) = F(x) * s per coordinate, signs included
    "agreement",  # k-f equal rows v give v
    "bounded",  # f outliers of any size move it by a bounded amount
    "mean_without_liars",  # f = 0 is the mean
    "box",  # stays between the least and the greatest value of every coordinate
]

ROBUST: tuple[Law, ...] = (
    *("permutation", "translation", "scaling", "sign", "agreement", "bounded"),
    *("mean_without_liars", "box"),
)
BY_COORDINATE: tuple[Law, ...] = (*ROBUST, "diagonal")  # of rules that act coordinate by coordinate
BY_DISTANCE: tuple[Law, ...] = (*ROBUST, "rotation")  # of those that know distances alone
