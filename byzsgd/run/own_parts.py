"""Parts given in Python as plain objects: their position in a configuration, and their name."""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from byzsgd.attacks.declaration import Forging
from byzsgd.attacks.declaration import lift as lift_attack
from byzsgd.interfaces import Attack

TABLES = (".csv", ".parquet")  # files with the seconds of a delay

# The methods of an object of a group.
METHODS = {
    "aggregator": ("init", "receive", "preview"),
    "compressor": ("init", "encode", "decode"),
    "dataset": ("load",),
    "delay": ("check", "prescribed"),
    "engine": ("__call__",),
    "optimizer": ("init", "apply"),
    "partition": ("__call__",),
    "scheme": ("check", "nodes", "bind"),
    "tracker": ("open",),
    "worker": ("init", "plan", "message"),
}
# What may stand for such an object.
OTHER = {
    "aggregator": "a rule, which is a function (k, d) -> (d,) of the rows",
    "attack": "a function view -> (d,), or an object of a subclass of byzsgd.interfaces.Attack",
    "dataset": "(inputs, targets), a TensorDataset, a dict of arrays",
    "delay": f"the path of a table ({' or '.join(TABLES)}) with the columns worker, serial, seconds",
    "model": "an nn.Module, or a function (shape of one input, outputs) -> nn.Module",
}


@dataclass(frozen=True)
class OwnPart:
    """An object, its dotted key in the configuration, and the choices that it needs around it."""

    part: object
    path: str
    name: str  # under which a record lists it
    words: tuple[str, ...] = ()  # the overrides of the choices around it
    groups: tuple[str, ...] = field(default=())  # the groups whose choice it is


@dataclass(frozen=True)
class Copied:
    """A model factory that returns copies of one module. Every seed begins at the parameters of that module."""

    module: nn.Module

    def __call__(self, input_shape: tuple[int, ...], outputs: int, /) -> nn.Module:
        return copy.deepcopy(self.module)


def own_part(key: str, value: object) -> OwnPart:
    """The part that an object is for a group (`aggregator`, `aggregator/rule`) or a dotted key. ValueError of one line
    says what the group takes."""
    group = key.replace(".", "/")
    path = group.replace("/", ".")
    name = _name(value)
    if group == "dataset" and not hasattr(value, "load"):
        return _arrays(value)
    if group == "delay" and isinstance(value, str | Path):
        _require(Path(value).suffix in TABLES, group, value)
        return OwnPart(str(value), "delay.path", "trace", ("delay=trace",), ("delay",))
    if group == "aggregator" and _is_function(value):
        return OwnPart(value, "aggregator.rule", name, ("aggregator=mean",), ("aggregator", "aggregator/rule"))
    if group == "attack":
        _require(isinstance(value, Attack) or _is_function(value), group, value)
        return OwnPart(_attack(value), path, name, (), (group,))
    if group == "model":
        _require(callable(value), group, value)
        return OwnPart(Copied(value) if isinstance(value, nn.Module) else value, path, name, (), (group,))
    _require(not isinstance(value, type) and all(hasattr(value, each) for each in METHODS.get(group, ())), group, value)
    return OwnPart(value, path, name, (), (group,))


def _arrays(value: Any) -> OwnPart:
    """Examples in memory, in place of the file of the dataset `tensor_file`."""
    if isinstance(value, TensorDataset):
        value = value.tensors
    if not isinstance(value, Mapping):
        _require(isinstance(value, tuple | list) and len(value) == 2, "dataset", value)
        value = dict(zip(("inputs", "targets"), value, strict=True))
    arrays = {str(name): _array(each) for name, each in value.items()}
    targets = arrays.get("targets")
    regression = targets is not None and not np.issubdtype(targets.dtype, np.integer)
    words = ("dataset=tensor_file", f"dataset.task={'regression' if regression else 'classification'}")
    return OwnPart(arrays, "dataset.file", "arrays", words, ("dataset",))


def _array(value: object) -> np.ndarray:
    array: np.ndarray = value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)
    return array.astype(np.int64) if array.dtype == bool else array


def _attack(value: Any) -> Attack:
    """The attack of an object or function. A function without a declaration sees what `knowledge=delivered` shows."""
    function = value.func if isinstance(value, functools.partial) else value
    if isinstance(value, Attack) or hasattr(function, "declaration"):
        return lift_attack(value)
    return Forging(value)


def _is_function(value: object) -> bool:
    """A Python function of one argument, its other parameters with defaults."""
    if isinstance(value, type) or inspect.isbuiltin(value) or not callable(value) or hasattr(value, "receive"):
        return False
    function = value.func if isinstance(value, functools.partial) else value
    if hasattr(function, "declaration"):
        return True
    try:
        inspect.signature(value).bind(None)
    except TypeError:
        return False
    return True


def _name(value: object) -> str:
    function = value.func if isinstance(value, functools.partial) else value
    return str(getattr(function, "__name__", type(function).__name__))


def _require(condition: bool, group: str, value: object) -> None:
    if condition:
        return
    kind = value if isinstance(value, type) else type(value)
    methods = METHODS.get(group)
    objects = [f"an object with {', '.join(methods)}"] if methods else []
    ways = [*filter(None, [OTHER.get(group)]), *objects, f"the name of a member (byzsgd list {group})"]
    shown = f"the class {kind.__qualname__}, which is to be called" if kind is value else f"a {_kind(kind)}"
    raise ValueError(f"{group} needs {' or '.join(ways)}; got {shown}")


def _kind(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
