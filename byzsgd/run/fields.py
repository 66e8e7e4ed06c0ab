"""Fields of frozen dataclasses that convert what they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Converted:
    """The place of a dataclass field without default, which holds what a function makes of the value it is given."""

    def __init__(self, convert: Callable[[object], object]) -> None:
        self._convert = convert

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> object:
        if instance is None:  # the dataclass asks for a default
            raise AttributeError(self._name)
        return vars(instance)[self._name]

    def __set__(self, instance: object, value: object) -> None:
        vars(instance)[self._name] = self._convert(value)


def converted(convert: Callable[[Any], Any]) -> Any:
    """Of a field of a frozen dataclass: it holds `convert` of what its constructor is given."""
    return _Converted(convert)
