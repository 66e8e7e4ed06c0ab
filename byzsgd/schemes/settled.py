"""Schemes that lack no number before they play."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, TypeVar

S = TypeVar("S", bound="Settled")


class Settled:
    """What such a scheme says of itself: no pilot run, and no messages from neighbour to neighbour."""

    edges: ClassVar[bool] = False

    def pilot(self) -> None:
        """It lacks none."""
        return

    def piloted(self: S, measured: Mapping[str, float]) -> S:
        return self
