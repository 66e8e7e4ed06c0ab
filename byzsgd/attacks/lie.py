"""A little is enough."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

from torch import Tensor

from byzsgd.attacks.declaration import forging
from byzsgd.attacks.deviation import mean_and_std
from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, View
from byzsgd.interfaces.compiled import compiled_as


def _check(*, z: float | Literal["formula"], sign: int, rows: int | None, lying_rows: int | None) -> None:
    fixed = isinstance(z, int | float) and not isinstance(z, bool) and math.isfinite(z)
    require(z == "formula" or fixed, "lie", "z a finite number or 'formula'", z=z)
    require(sign in (-1, 1), "lie", "sign -1 or 1", sign=sign)
    require(
        (rows is None) == (lying_rows is None),
        "lie",
        "rows and lying_rows given together",
        rows=rows,
        lying_rows=lying_rows,
    )


def _fits(
    context: AdversaryContext, *, z: float | Literal["formula"], sign: int, rows: int | None, lying_rows: int | None
) -> None:
    if z == "formula":
        n, m = context.num_workers, len(context.byzantine)
        formula(n if rows is None else rows, m if lying_rows is None else lying_rows)


def formula(n: int, m: int) -> float:
    """z = Φ⁻¹((n−m−s)/(n−m)) with s = ⌊n/2+1⌋−m: so many honest vectors must stray further than the liars do for the
    liars and them to be a majority. Refused where it is not positive: m is then too small for the trick."""
    share = 1 - (n // 2 + 1 - m) / (n - m) if m < n else 1.0
    require(0.5 < share < 1, "lie", "z > 0 by the formula (more liars, or a fixed z)", rows=n, lying_rows=m)
    return NormalDist().inv_cdf(share)


@compiled_as("view")
@forging(sees="delivered", check=_check, fits=_fits)
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
    if z == "formula":
        n, m = view.num_workers, view.num_byzantine
        factor = formula(n if rows is None else rows, m if lying_rows is None else lying_rows)
    else:
        factor = float(z)
    mean, std = mean_and_std(view.honest)
    return mean + (sign * factor) * std
