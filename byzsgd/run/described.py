"""Parts as configuration: what a part that was put into an experiment in Python is, for the record and the identity."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from byzsgd.attacks.declaration import Forging
from byzsgd.records.origin import CODE, DIGEST, remembered

OWN = ("byzsgd", "torch", "torchvision", "numpy")  # code that has a version; other code has a digest


def choices_of(part: Any, group: str) -> dict[str, str]:
    """Which members a part stands for: those that it was chosen by, or its own name."""
    if part is None or isinstance(part, bool | int | float | str | list | tuple):
        return {}
    _, known = remembered(part) or ({}, {})
    of_group = {key: member for key, member in known.items() if key == group or key.startswith(f"{group}/")}
    return of_group or {group: str(described(part)["_target_"]).rpartition(".")[2]}


def described(part: Any) -> Any:
    """Plain values: the node that the part was built from; else its class and fields, which a configuration can say
    too; for code and contents that it cannot say a digest, with `_code_: null` for a lambda of a prompt."""
    try:
        return _described(part)
    except RecursionError:
        return {"_target_": _label(part), CODE: None}


def nameless(config: object, path: str = "") -> Iterator[str]:
    """The places of a configuration whose parts have no digest."""
    if isinstance(config, Mapping):
        if CODE in config and config[CODE] is None:
            yield f"{path}={config.get('_target_')}"
        for key, item in config.items():
            yield from nameless(item, f"{path}.{key}" if path else str(key))
    elif isinstance(config, list | tuple):
        for number, item in enumerate(config):
            yield from nameless(item, f"{path}[{number}]")


def own_modules(config: object) -> Iterator[str]:
    """The modules of code that was given in Python: those of a configuration's digests of code."""
    if isinstance(config, Mapping):
        if config.get(CODE) is not None:
            yield str(config["_target_"]).rpartition(".")[0]
        for item in config.values():
            yield from own_modules(item)
    elif isinstance(config, list | tuple):
        for item in config:
            yield from own_modules(item)


def _described(part: Any) -> Any:
    if (known := remembered(part)) is not None:
        return _described(dict(known[0]))
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
        kept = {field.name: getattr(part, field.name) for field in fields(part) if field.init}
        return _named(type(part)) | _described(kept)
    if hasattr(part, "__dict__"):
        held = _described(vars(part))
        whole = next(nameless(held), None) is None
        return _named(type(part)) | ({DIGEST: _digest(repr(held).encode())} if whole else {CODE: None})
    return {"_target_": _label(part), CODE: None}


def _named(thing: Any) -> dict[str, Any]:
    """A class or function: its public name, and a digest of its code where that has no version."""
    own = str(getattr(thing, "__module__", "")).partition(".")[0] in OWN
    closed = _closure(thing)
    node: dict[str, Any] = {"_target_": _public_name(thing)}
    if own and not closed:
        return node
    source = "" if own else _source(thing)
    if source is None or any(True for _ in nameless(closed)):
        return node | {CODE: None}
    return node | {CODE: _digest(f"{source}{closed!r}".encode())}


def _closure(function: Any) -> list[Any]:
    """What a function has closed over, and the values of its parameters where those are not said."""
    cells = getattr(function, "__closure__", None) or ()
    held = [_described(cell.cell_contents) for cell in cells]
    if not held and not isinstance(function, types.FunctionType):
        return []
    if str(getattr(function, "__module__", "")).partition(".")[0] in OWN:
        return held
    return [*held, _described(function.__defaults__), _described(function.__kwdefaults__)]


def _source(thing: Any) -> str | None:
    """The text of a class, with those that it inherits from, or of a function; None: it is in no file."""
    family = [each for each in thing.__mro__ if each.__module__.partition(".")[0] not in (*OWN, "builtins", "typing")] \
        if isinstance(thing, type) else [thing]  # fmt: skip
    try:
        text = "".join(inspect.getsource(each) for each in family)
    except (OSError, TypeError):
        return None
    # Two lambdas of one line have one text.
    return text + thing.__code__.co_code.hex() if getattr(thing, "__name__", "") == "<lambda>" else text


def _public_name(thing: object) -> str:
    """The shortest name under which a package above its module exports it; that is what configurations call it."""
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
