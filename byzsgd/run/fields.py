"""Fields of frozen dataclasses that convert their values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class _Converted:
    """The descriptor of a dataclass field without default. The field holds `convert(value)`."""

    def __init__(self, convert: Callable[[object], object]) -> None:
        self._convert = convert

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> object:
        if instance is None:  # the dataclass looks for a default
            raise AttributeError(self._name)
        return vars(instance)[self._name]

    def __set__(self, instance: object, value: object) -> None:
        vars(instance)[self._name] = self._convert(value)


def converted(convert: Callable[[Any], object]) -> Any:
    """A field of a frozen dataclass that holds `convert` of the constructor's argument."""
    return _Converted(convert)
