"""Which of many cases `make test` leaves to `make test-all`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def one_in(count: int, cases: Iterable[Any], *, several: bool = False) -> list[Any]:
    """All cases of a test, as its parameters. One in so many runs in `make test`, the others are marked slow.
    `several`: a case is a tuple of several parameters."""
    return [
        pytest.param(*(each if several else (each,)), marks=() if place % count == 0 else pytest.mark.slow)
        for place, each in enumerate(cases)
    ]
