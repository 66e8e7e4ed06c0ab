"""A little is enough."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

from torch import Tensor

from byzsgd.attacks.declaration import Condition, forging
from byzsgd.attacks.deviation import SIGN, mean_and_std
from byzsgd.interfaces import View
from byzsgd.interfaces.compiled import compiled_as


def formula(n: int, m: int) -> float:
    """z = Φ⁻¹((n−m−s)/(n−m)) with s = ⌊n/2+1⌋−m: so many honest vectors must stray further than the liars do for the
    liars and them to be a majority. Where it is not positive, m is too small for the trick."""
    return NormalDist().inv_cdf(_share(n, m))


def _is_finite(z: object) -> bool:
    return isinstance(z, int | float) and not isinstance(z, bool) and math.isfinite(z)


def _share(n: int, m: int) -> float:
    """(n−m−s)/(n−m); 1 where nobody is honest."""
    return 1 - (n // 2 + 1 - m) / (n - m) if m < n else 1.0


def _compared(n: int, m: int, rows: int | None, lying_rows: int | None) -> tuple[int, int]:
    """The vectors that the server's rule compares, and those of them that are forged."""
    return n if rows is None else rows, m if lying_rows is None else lying_rows


@compiled_as("view")
@forging(
    Condition("z a finite number or 'formula'", lambda z: z == "formula" or _is_finite(z)),
    SIGN,
    Condition("rows and lying_rows given together", lambda rows, lying_rows: (rows is None) == (lying_rows is None)),
    Condition(
        "z > 0 by the formula (more liars, or a fixed z)",
        lambda z, n, m, rows, lying_rows: z != "formula" or 0.5 < _share(*_compared(n, m, rows, lying_rows)) < 1,
    ),
    sees="delivered",
)
def lie(
    view: View,
    *,
    z: float | Literal["formula"] = 1.5,
    sign: int = -1,
    rows: int | None = None,
    lying_rows: int | None = None,
) -> Tensor:
    """Sends a vector that strays from the honest mean by less than honest vectors do: (d,) mean + sign·z·std.

    mean and std (ddof 1) are taken per coordinate over the visible honest vectors. z = "formula" takes
    Φ⁻¹((n−m−s)/(n−m)) with s = ⌊n/2+1⌋−m, where n and m are the vectors that the server's rule compares and those of
    them that are forged: all workers and all liars, unless `rows` and `lying_rows` say otherwise (BASGD: buckets and
    those a liar writes to; a buffer: its size and the liars' share of it). With fewer than two visible honest vectors
    it sends its own.

    Baruch, Baruch, Goldberg: A little is enough: circumventing defenses for distributed learning (NeurIPS 2019,
    arXiv 1902.06156).
    Differs: the authors' code estimates mean and std from the liars' own vectors, with ddof 0.
    """
    if view.honest.shape[0] < 2:
        return view.own
    compared = _compared(view.num_workers, view.num_byzantine, rows, lying_rows)
    factor = formula(*compared) if z == "formula" else float(z)
    mean, std = mean_and_std(view.honest)
    return mean + (sign * factor) * std
