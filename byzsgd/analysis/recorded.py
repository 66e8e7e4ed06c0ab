"""The interface of a run for figures and tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import polars as pl

from byzsgd.records.plain import Config, Info


class Recorded(Protocol):
    """A run as figures and tables read it; `byzsgd.records.Run` is one."""

    @property
    def metrics(self) -> pl.DataFrame: ...
    @property
    def arrivals(self) -> pl.DataFrame: ...
    @property
    def config(self) -> Config: ...
    @property
    def choices(self) -> Mapping[str, str]: ...
    @property
    def info(self) -> Info: ...
    @property
    def folder(self) -> Path | None: ...
