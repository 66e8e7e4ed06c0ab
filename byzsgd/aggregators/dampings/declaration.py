"""What a damping says of its settings, so that impossible ones are refused before any work."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from byzsgd.checks import Condition as Condition
from byzsgd.checks import demand
from byzsgd.interfaces import Damping
from byzsgd.signatures import unwrapped

F = TypeVar("F", bound=Callable[..., float])
CONDITIONS = "conditions"


def damping(*conditions: Condition) -> Callable[[F], F]:
    """Declares conditions on the settings of a damping."""

    def declare(function: F) -> F:
        setattr(function, CONDITIONS, conditions)
        return function

    return declare


def check_damping(part: Damping | Callable[..., object]) -> None:
    """Raises ValueError for a declared damping whose settings break a condition; others say nothing of themselves."""
    function, _, values = unwrapped(part)
    demand(getattr(function, "__name__", ""), getattr(function, CONDITIONS, ()), values)
