"""What each worker was doing when, from the deliveries."""

from __future__ import annotations

import polars as pl

from .groups import Recorded


def jobs(run: Recorded) -> pl.DataFrame:
    """The arrivals with `began`: when the worker read the model.

    That is when its previous vector arrived, or when the version that it read was made if that was later (a worker
    that was held, or restarted).
    """
    rows = run.arrivals.sort("arrival")
    births = rows.filter("updated").select(read_at_true=pl.col("step") + 1, born=pl.col("time"))
    births = births.unique("read_at_true", keep="first")
    previous = pl.col("time").shift(1).over("worker").fill_null(0.0)
    return rows.join(births, on="read_at_true", how="left", maintain_order="left").with_columns(
        began=pl.min_horizontal(pl.max_horizontal(previous, pl.col("born").fill_null(0.0)), "time")
    )
