"""Parts as configuration: a part that was put into an experiment in Python becomes plain values, for its record and its
identity."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from byzsgd.attacks.declaration import Forging
from byzsgd.records.origin import CODE, DIGEST, remembered

OWN = ("byzsgd", "torch", "torchvision", "numpy")  # packages whose version the record names; other code gets a digest


def choices_of(part: object, group: str) -> dict[str, str]:
    """The choices of a group for a part: those by which a configuration built it, else the name of the part."""
    if part is None or isinstance(part, bool | int | float | str | list | tuple):
        return {}
    _, choices = remembered(part) or ({}, {})
    of_group = {key: member for key, member in choices.items() if key == group or key.startswith(f"{group}/")}
    return of_group or {group: str(described(part)["_target_"]).rpartition(".")[2]}


def described(part: object) -> Any:
    """A part as plain values: the node from which it was built, else its class and its fields. Code and contents that
    no configuration can express become digests. A function without a source file (a lambda at a prompt) gets
    `_code_: null`."""
    try:
        return _described(part)
    except RecursionError:
        return {"_target_": _label(part), CODE: None}


def nameless(config: object, path: str = "") -> Iterator[str]:
    """The parts of a configuration that have no digest, as `path=target`."""
    if isinstance(config, Mapping):
        if CODE in config and config[CODE] is None:
            yield f"{path}={config.get('_target_')}"
        for key, item in config.items():
            yield from nameless(item, f"{path}.{key}" if path else str(key))
    elif isinstance(config, list | tuple):
        for number, item in enumerate(config):
            yield from nameless(item, f"{path}[{number}]")


def own_modules(config: object) -> Iterator[str]:
    """The modules of the code that was given in Python: those of the parts with a digest of code."""
    if isinstance(config, Mapping):
        if config.get(CODE) is not None:
            yield str(config["_target_"]).rpartition(".")[0]
        for item in config.values():
            yield from own_modules(item)
    elif isinstance(config, list | tuple):
        for item in config:
            yield from own_modules(item)


def _described(part: object) -> Any:
    if (kept := remembered(part)) is not None:
        return _described(dict(kept[0]))
    if part is None or isinstance(part, bool | int | float | str):
        return part
    if isinstance(part, np.generic):
        return part.item()
    if isinstance(part, Path):
        return str(part)
    if isinstance(part, Mapping):
        return {str(key): _described(item) for key, item in part.items()}
    if isinstance(part, list | tuple):
        return [_described(item) for item in part]
    if isinstance(part, set | frozenset):
        return sorted(map(_described, part), key=str)
    if isinstance(part, Tensor):
        part = part.detach().cpu().numpy()
    if isinstance(part, np.ndarray):
        content = f"{part.dtype}{part.shape}".encode() + part.tobytes()
        return {"_target_": "numpy.ndarray", DIGEST: _digest(content)}
    if isinstance(part, functools.partial):
        positional = {"_args_": _described(part.args)} if part.args else {}
        return {**_named(part.func), "_partial_": True, **positional, **_described(part.keywords)}
    if isinstance(part, Forging):
        return _described(part.function)
    if isinstance(part, type | types.FunctionType | types.BuiltinFunctionType):
        return _named(part) | {"_partial_": True}
    if isinstance(part, types.MethodType):
        return _named(part.__func__) | {"self": _described(part.__self__)}
    if is_dataclass(part):
        values = {field.name: getattr(part, field.name) for field in fields(part) if field.init}
        return _named(type(part)) | _described(values)
    if hasattr(part, "__dict__"):
        attributes = _described(vars(part))
        whole = next(nameless(attributes), None) is None
        return _named(type(part)) | ({DIGEST: _digest(repr(attributes).encode())} if whole else {CODE: None})
    return {"_target_": _label(part), CODE: None}


def _named(thing: Callable[..., object]) -> dict[str, object]:
    """The node of a class or function: its public name, and a digest of its code unless its package is in `OWN`."""
    own = str(getattr(thing, "__module__", "")).partition(".")[0] in OWN
    closed = _closure(thing)
    node: dict[str, object] = {"_target_": _public_name(thing)}
    if own and not closed:
        return node
    source = "" if own else _source(thing)
    if source is None or any(True for _ in nameless(closed)):
        return node | {CODE: None}
    return node | {CODE: _digest(f"{source}{closed!r}".encode())}


def _closure(function: Callable[..., object]) -> list[object]:
    """The values in the closure of a function, and the defaults of its parameters."""
    cells = getattr(function, "__closure__", None) or ()
    values = [_described(cell.cell_contents) for cell in cells]
    if not values and not isinstance(function, types.FunctionType):
        return []
    if str(getattr(function, "__module__", "")).partition(".")[0] in OWN:
        return values
    return [*values, _described(function.__defaults__), _described(function.__kwdefaults__)]


def _source(thing: Callable[..., object]) -> str | None:
    """The source of a function, or of a class and its bases; None: there is no file of it."""
    family = [each for each in thing.__mro__ if each.__module__.partition(".")[0] not in (*OWN, "builtins", "typing")] \
        if isinstance(thing, type) else [thing]  # fmt: skip
    try:
        text = "".join(inspect.getsource(each) for each in family)
    except (OSError, TypeError):
        return None
    if isinstance(thing, types.FunctionType) and thing.__name__ == "<lambda>":
        return text + thing.__code__.co_code.hex()  # two lambdas on one line have the same source
    return text


def _public_name(thing: object) -> str:
    """The shortest name under which a package around its module exports it, as configurations name it."""
    module, name = str(getattr(thing, "__module__", "?")), str(getattr(thing, "__qualname__", _label(thing)))
    packages = module.split(".")
    for cut in range(1, len(packages)):
        package = sys.modules.get(".".join(packages[:cut]))
        for word, value in vars(package).items() if package is not None else ():
            if value is thing and not word.startswith("_"):
                return f"{'.'.join(packages[:cut])}.{word}"
    return f"{module}.{name}"


def _label(part: object) -> str:
    function = part.func if isinstance(part, functools.partial) else part
    return str(getattr(part, "name", None) or getattr(function, "__name__", type(part).__name__))


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
