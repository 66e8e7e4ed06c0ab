"""Whether plain values of a configuration fit the annotations of their targets.

pydantic (MIT) and beartype (MIT) cost 0.3 s at the start of every run. And neither accepts a node that becomes an
object later. Hence these lines.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Collection, Iterable, Mapping, MutableSequence, Sequence
from typing import Any, Literal, TypeGuard, Union

_WORD = 2**63  # a larger whole number fits into no array
_LISTS = (list, tuple, Sequence, MutableSequence, Iterable, Collection)
_ARRAYS = {("torch", "Tensor"), ("numpy", "ndarray")}
_NAMES: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    types.NoneType: "null",
}
_PLURALS: dict[object, str] = {bool: "true or false", int: "whole numbers", float: "numbers", str: "texts"}


def fits(value: object, hint: object) -> bool:
    """Whether a plain value, with all its items, fits an annotation. A node with a `_target_` fits any class, and so
    does an object given in Python: their own targets are checked apart. An annotation that only a type checker
    understands fits every value."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is Literal:
        return any(value == argument and type(value) is type(argument) for argument in arguments)
    kind = hint if origin is None else origin
    if kind in (None, types.NoneType):
        return value is None
    if kind in (bool, str):
        return isinstance(value, kind)
    if kind is int:
        return _is_whole(value) and abs(value) < _WORD
    if kind is float:
        return _is_real(value)
    if _is_array(kind):
        is_list = isinstance(value, list | tuple) and bool(value) and _are_numbers(value)
        return is_list or is_node(value) or not is_plain(value)
    if _is_list(kind):
        return isinstance(value, list | tuple) and _items_fit(value, arguments)
    if _is_mapping(kind):
        keys, values = arguments or (object, object)
        if not isinstance(value, Mapping) or is_node(value):
            return False
        return all(fits(key, keys) and fits(item, values) for key, item in value.items())
    return hint is Any or kind is object or not inspect.isclass(kind) or is_node(value) or not is_plain(value)


def misfit(value: object, hint: object, path: str) -> tuple[str, object, object] | None:
    """The first value that does not fit, as (its dotted key, the value, its annotation); of a mapping of parts, the
    part. `path`: the dotted key of `value`. None: every value fits."""
    if fits(value, hint):
        return None
    if _is_mapping(typing.get_origin(hint)) and isinstance(value, Mapping) and not is_node(value):
        _, of_items = typing.get_args(hint)
        misfits = (misfit(item, of_items, f"{path}.{key}") for key, item in value.items())
        return next((each for each in misfits if each), (path, value, hint))
    return path, value, hint


def converted(value: object, hint: object) -> object:
    """The value, in which a whole number becomes a real one if its annotation asks for that: 1 and 1.0 are one
    setting."""
    options = typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)
    if isinstance(value, list | tuple):
        of_items = next((_item(option) for option in options if fits(value, option)), object)
        return [converted(item, of_items) for item in value]
    if float in options and int not in options and _is_whole(value) and _is_real(value):
        return float(value)
    return value


def described(hint: object) -> str:
    """An annotation in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(described(argument) for argument in arguments))
    if origin is Literal:
        return "one of " + ", ".join(str(argument) for argument in arguments)
    if _is_array(hint):
        return "a list of numbers"
    if _is_list(origin):
        items = (_PLURALS.get(argument, "nodes") for argument in arguments if argument is not ...)
        return f"a list of {' or '.join(dict.fromkeys(items))}"
    if _is_mapping(origin):
        return "arrays by name" if arguments and _is_array(arguments[1]) else "settings by name"
    name = getattr(hint, "__name__", str(hint).rpartition(".")[2])
    return _NAMES.get(hint, f"a {name} (a node with its own settings)")


def is_plain(value: object) -> bool:
    """Whether a configuration file can hold a value."""
    if isinstance(value, Mapping):
        return all(is_plain(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_plain(item) for item in value)
    return value is None or isinstance(value, bool | int | float | str)


def is_node(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a value becomes an object."""
    return isinstance(value, Mapping) and "_target_" in value


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_real(value: object) -> TypeGuard[float]:
    """Whether a value is a real number: not NaN, and no whole number too large for a float."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return float(value) == value or isinstance(value, int)
    except OverflowError:
        return False


def _are_numbers(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_are_numbers(item) for item in value)
    return _is_real(value)


def _items_fit(value: Sequence[object], arguments: tuple[object, ...]) -> bool:
    of_items = [argument for argument in arguments if argument is not ...]
    if len(of_items) > 1:
        return len(of_items) == len(value) and all(fits(*each) for each in zip(value, of_items, strict=True))
    return all(fits(item, of_items[0]) for item in value) if of_items else True


def _item(hint: object) -> object:
    """The annotation of the items of a list."""
    if _is_array(hint):
        return float
    of_items = {argument for argument in typing.get_args(hint) if argument is not ...}
    return of_items.pop() if len(of_items) == 1 else object


def _is_list(kind: object) -> bool:
    return kind in _LISTS


def _is_mapping(kind: object) -> bool:
    return kind in (dict, Mapping)


def _is_array(kind: object) -> bool:
    """Whether a class is a tensor or an array, by its name: neither library is imported to read a configuration."""
    return (str(getattr(kind, "__module__", "")).partition(".")[0], getattr(kind, "__name__", "")) in _ARRAYS
