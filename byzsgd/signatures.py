"""The parameters of a callable, read from its signature."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

REQUIRED = inspect.Parameter.empty  # the default of a parameter without one


def by_name(function: Callable[..., object]) -> dict[str, inspect.Parameter]:
    """The parameters that can be passed by name."""
    kinds = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {name: each for name, each in inspect.signature(function).parameters.items() if each.kind in kinds}


def keyword_only(function: Callable[..., object]) -> dict[str, object]:
    """The hyper-parameters: keyword-only ones with their defaults, or REQUIRED."""
    return {name: each.default for name, each in by_name(function).items() if each.kind is each.KEYWORD_ONLY}


def missing(function: Callable[..., object], given: Mapping[str, object]) -> list[str]:
    """The hyper-parameters that have neither a default nor a value in `given`."""
    return [name for name, default in keyword_only(function).items() if default is REQUIRED and name not in given]


def name_of(part: object) -> str:
    """The name of a function or class, also of one within partials; of any other callable that of its class."""
    function, _, _ = unwrapped(part)
    return str(getattr(function, "__name__", type(function).__name__))


def unwrapped(part: Any) -> tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]:
    """The function within partials, and the arguments that they bind. functools does not flatten a subclass of partial,
    and calls of Hydra's subclass are slow."""
    if not isinstance(part, functools.partial):
        return part, (), {}
    function, positional, values = unwrapped(part.func)
    return function, positional + part.args, {**values, **part.keywords}
