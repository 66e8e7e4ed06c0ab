"""How the things that pass between the parts are declared."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast, dataclass_transform

import numpy as np
from typing_extensions import TypeVar

S = TypeVar("S", default=Any)  # the explicit State of a part; where none is named, that of any part
V = TypeVar("V")
T = TypeVar("T")

Stream = Callable[[str, int, int], np.random.Generator]  # (name, worker, serial) -> generator
OwnStream = Callable[[str, int], np.random.Generator]  # the same of one part: (name, serial or step) -> generator


@dataclass_transform(frozen_default=True, eq_default=False)
def value(kind: type[V]) -> type[V]:
    """A dataclass that nobody changes: a type checker sees to that. Equal to itself alone: tensors have no `==`.

    Every delivery makes a dozen of these; `frozen=True` would take four times as long for each, and together as long as
    the update of a small model.
    """
    return dataclass(slots=True, eq=False)(kind)


@dataclass_transform(frozen_default=True)
def key(kind: type[V]) -> type[V]:
    """A value that is what it holds: no tensors, so it has `==` and a hash."""
    return dataclass(slots=True, unsafe_hash=True)(kind)


def derived(method: Callable[[V], T]) -> T:
    """Declares an attribute of a frozen part that its parameters decide: computed once, when it is first read.

    A `functools.cached_property`, which a type checker takes for the attribute that it stands in for.
    """
    return cast(T, functools.cached_property(method))
