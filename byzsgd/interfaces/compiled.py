"""How a part says that a compiled stretch can play it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

from byzsgd.interfaces.values import value


@value
class Slot:
    """What a collector keeps under one index until its step: the form in which it hands its state to a stretch."""

    index: int
    worker: int  # its sender; of a bucket its number
    vector: Tensor  # (d,) damped
    raw: Tensor  # (d,) the same object where nothing was damped
    count: int  # vectors in it


@value
class FrequencyMemory:
    """All that the frequency filter remembers."""

    accepted: int  # vectors so far
    last: dict[int, int]  # worker -> the number of its last accepted vector


@value
class LipschitzMemory:
    """All that Kardam's filter remembers, by worker; a pair is a model (d,) and the vector (d,) computed on it."""

    latest: dict[int, tuple[Tensor, Tensor]]
    reference: dict[int, tuple[Tensor, Tensor]]  # the newest on another model than `latest`
    coefficients: dict[int, tuple[float, ...]]  # oldest first
    refusals: int  # in a row
    previous: tuple[Tensor, Tensor] | None  # the model before the last update, and its undamped direction


T = TypeVar("T", bound=Callable[..., object])
FORM = "__compiled_form__"


@dataclass(frozen=True, slots=True)
class Form:
    """The name under which the kernel knows a function or class, and the parameters that it needs."""

    owner: object  # what declared it: a subclass, or a function that wraps this one, is something else
    name: str
    parameters: tuple[str, ...]


def compiled_as(name: str, *parameters: str) -> Callable[[T], T]:
    """Declares a function or a class, the outermost decorator of it. What a stretch then plays must be the same."""

    def declare(owner: T) -> T:
        setattr(owner, FORM, Form(owner, name, parameters))
        return owner

    return declare
