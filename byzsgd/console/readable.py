"""Reads a run and checks that its settings have the shape of settings, for every command that shows runs."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from byzsgd.records import Run


def readable(folder: Path) -> tuple[Run, list[str]]:
    """A run, and warnings about it; ValueError in one line names what is damaged."""
    from byzsgd.analysis import compare
    from byzsgd.records import load

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run = load(folder)
        try:
            compare([run])
        except (TypeError, AttributeError, LookupError, ArithmeticError) as error:
            raise ValueError(f"{folder} is damaged: its settings are not those of a run ({error})") from error
    return run, [str(each.message) for each in caught]
