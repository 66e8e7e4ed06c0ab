"""Tables of numbers from CSV and Parquet files, and their checks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from byzsgd.checks import require
from byzsgd.sources import noted

Table = Mapping[str, np.ndarray]  # name of a column -> (rows,) float64


def read_table(who: str, path: str, columns: tuple[str, ...]) -> Table:
    """The columns of these names from a file. ValueError unless every cell is a number."""
    import polars  # noqa: PLC0415 (heavy, and only traces need it)

    file = Path(path)
    require(file.is_file(), who, "an existing file", path=path)
    require(file.suffix in (".csv", ".parquet"), who, "a .csv or .parquet file", path=path)
    try:
        frame = (polars.read_csv if file.suffix == ".csv" else polars.read_parquet)(noted(file))
    except polars.exceptions.PolarsError as error:
        raise ValueError(f"{who} needs a readable table; got path={path} ({str(error).splitlines()[0]})") from error
    missing = [name for name in columns if name not in frame.columns]
    require(not missing, who, f"the columns {', '.join(columns)} in {path}", missing=", ".join(missing))
    require(len(frame) > 0, who, f"at least one row in {path}", rows=len(frame))
    table: dict[str, np.ndarray] = {}
    for name in columns:
        numeric = frame[name].dtype.is_numeric() and frame[name].null_count() == 0
        require(numeric, who, f"a number in every row of the column {name} in {path}", dtype=frame[name].dtype)
        table[name] = frame[name].to_numpy().astype(np.float64)
    return table


def split_by_worker(who: str, path: str, table: Table) -> tuple[Table, ...]:
    """The rows of worker 0, 1, …, in the order of the file. ValueError unless the ids are whole numbers without a
    gap."""
    workers = table["worker"]
    strange = workers[(workers < 0) | (workers != np.floor(workers))]
    if len(strange):
        require(False, who, f"worker ids 0, 1, 2, … in {path}", worker=strange[0])
    last = int(workers.max())
    absent = np.setdiff1d(np.arange(last + 1), workers)
    if len(absent):
        require(False, who, f"worker ids without a gap in {path}", missing_worker=int(absent[0]))
    return tuple({name: column[workers == worker] for name, column in table.items()} for worker in range(last + 1))
