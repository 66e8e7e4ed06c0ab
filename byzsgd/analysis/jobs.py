"""When each job began, from the deliveries."""

from __future__ import annotations

import polars as pl

from .groups import Recorded


def jobs(run: Recorded) -> pl.DataFrame:
    """The arrivals with the column `began`: the time at which the worker read the model.

    That is the arrival of its previous vector. It is the creation of the version that it read, if that came later,
    because the worker was held or restarted.
    """
    rows = run.arrivals.sort("arrival")
    births = rows.filter("updated").select(read_at_true=pl.col("step") + 1, born=pl.col("time"))
    births = births.unique("read_at_true", keep="first")
    previous = pl.col("time").shift(1).over("worker").fill_null(0.0)
    return rows.join(births, on="read_at_true", how="left", maintain_order="left").with_columns(
        began=pl.min_horizontal(pl.max_horizontal(previous, pl.col("born").fill_null(0.0)), "time")
    )
