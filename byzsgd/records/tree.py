"""What a State may hold, and how a state is walked, checked and forked.

    its context; else only tensors, numbers, booleans, strings, enums, None, tuples, dicts and dataclasses of those

`kind_of` is the one list of these types; `tree_format` saves states by it. Lists, sets and arrays are not among them. A
tensor in a state is replaced, never written to. So only dicts and dataclasses can change, and a fork copies only these.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import AdversaryContext, ServerContext

T = TypeVar("T")

HOLDS = "tensors, numbers, booleans, strings, enums, None, tuples, dicts and dataclasses of those"
CONTEXTS = (ServerContext, AdversaryContext)  # a checkpoint does not save them, a fork shares them
NUMBERS = {kind.__name__: kind for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)}
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    )
}
_DTYPES = frozenset(DTYPES.values())
_STRIDED = torch.strided
_blank = object.__new__  # makes a dataclass without a call of its own code
_set_field = object.__setattr__  # sets a field of one, frozen or not


class Kind(enum.Enum):
    """How a value is walked, forked and saved."""

    PLAIN = enum.auto()  # stands for itself
    NUMPY = enum.auto()  # a NumPy scalar
    ENUM = enum.auto()
    CONTEXT = enum.auto()
    TENSOR = enum.auto()
    TUPLE = enum.auto()
    DICT = enum.auto()
    OBJECT = enum.auto()  # a dataclass


_BUILT_IN = {
    **dict.fromkeys((bool, int, float, str, type(None)), Kind.PLAIN),
    **dict.fromkeys(NUMBERS.values(), Kind.NUMPY),
    **dict.fromkeys(CONTEXTS, Kind.CONTEXT),
    Tensor: Kind.TENSOR,
    tuple: Kind.TUPLE,
    dict: Kind.DICT,
}
_SHARED = frozenset(kind for kind, how in _BUILT_IN.items() if how not in (Kind.TENSOR, Kind.TUPLE, Kind.DICT))


@cache
def kind_of(kind: type) -> Kind | None:
    """The kind of a type; None: no State may hold a value of it. A subclass of a type in the list has no kind."""
    if kind in _BUILT_IN:
        return _BUILT_IN[kind]
    if issubclass(kind, enum.Enum):
        return Kind.ENUM
    return Kind.OBJECT if is_dataclass(kind) else None


@cache
def names_of(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass; none of any other type."""
    return tuple(field.name for field in fields(kind)) if kind_of(kind) is Kind.OBJECT else ()


def is_plain(tensor: Tensor) -> bool:
    """Whether a tensor is strided, without gradient and of a dtype that can be saved."""
    return not tensor.requires_grad and tensor.layout is _STRIDED and tensor.dtype in _DTYPES


def _type_name(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def refuse(value: object, who: str, where: str) -> None:
    """Raises the ValueError for a value that no State may hold. `where`: its position, as in `state.sums[3]`."""
    if type(value) is Tensor:
        require(False, who, "plain strided tensors without gradient", **{where: value.dtype})
    require(False, who, HOLDS, **{where: _type_name(type(value))})


def walk(state: object, who: str = "a state", where: str = "state") -> Iterator[tuple[str, object]]:
    """Every value in a state with its position, the state first: ("state", …), ("state.sums[3]", …). A container that
    is shared comes once.

    `<who> needs …; got <position>=<type>` (ValueError) at a value that no State may hold.
    """
    yield from _walk(state, who, where, {})


def _walk(value: Any, who: str, where: str, seen: dict[int, object]) -> Iterator[tuple[str, object]]:
    kind: type = type(value)
    how = kind_of(kind)
    if how is None or (how is Kind.TENSOR and not is_plain(value)):
        refuse(value, who, where)
    if how in (Kind.TUPLE, Kind.DICT, Kind.OBJECT):
        if id(value) in seen:
            return
        seen[id(value)] = value
    yield where, value
    if how is Kind.TUPLE:
        for index, item in enumerate(value):
            yield from _walk(item, who, f"{where}[{index}]", seen)
    elif how is Kind.DICT:
        for key, item in value.items():
            yield from _walk(key, who, where, seen)
            yield from _walk(item, who, f"{where}[{key!r}]", seen)
    elif how is Kind.OBJECT:
        for name in names_of(kind):
            yield from _walk(getattr(value, name), who, f"{where}.{name}", seen)


def check(state: object, who: str) -> None:
    """Raises `<who> needs …; got <position>=<type>` (ValueError) unless a state holds only what a State may."""
    for _ in walk(state, who):
        pass


def fork(state: T, who: str = "a state") -> T:
    """A copy of a state that can be changed freely: dicts and dataclasses are copied, tensors are shared.

    A container that occurs twice in the state occurs twice in the copy too. Costs O(number of values), whatever d is.
    ValueError as of `check`.
    """
    try:
        return cast(T, _fork(state, {}))
    except _ForbiddenError:
        check(state, who)
        raise


class _ForbiddenError(Exception):
    """A state holds a value that no State may hold."""


def _fork(value: Any, copies: dict[int, Any]) -> object:
    # Every preview forks. So positions are not tracked here, and the most frequent types are tested first.
    kind: type = type(value)
    if kind in _SHARED:
        return value
    if kind is Tensor:
        if is_plain(value):
            return value
        raise _ForbiddenError
    copy = copies.get(id(value))
    if copy is not None:
        return copy
    if names := names_of(kind):
        copy = copies[id(value)] = _blank(kind)
        for name in names:
            item = getattr(value, name)
            _set_field(copy, name, item if type(item) in _SHARED else _fork(item, copies))
        return copy
    how = kind_of(kind)
    if how is Kind.DICT:
        copy = copies[id(value)] = {}
        for key, item in value.items():
            copy[key if type(key) in _SHARED else _fork(key, copies)] = (
                item if type(item) in _SHARED else _fork(item, copies)
            )
        return copy
    if how is Kind.TUPLE:
        if _SHARED.issuperset(map(type, value)):
            return value
        copy = copies[id(value)] = tuple([_fork(item, copies) for item in value])
        return copy
    if how is Kind.OBJECT:
        return _blank(kind)
    if how is Kind.ENUM:
        return value
    raise _ForbiddenError


def fill(instance: object, values: Iterable[tuple[str, object]]) -> None:
    """Sets the fields of a dataclass that was made without a call of its own code."""
    for name, value in values:
        _set_field(instance, name, value)
