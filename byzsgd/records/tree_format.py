"""A state as JSON and tensors, and back. Without pickle: to read one imports nothing and executes nothing.

JSON nodes: null, booleans, integers, finite floats and strings stand for themselves; everything else is a list that
starts with its kind. Containers are numbered in the order of their first occurrence. A later occurrence is a reference
to that number, so a shared container stays shared. Tensors are views of storages, which are saved whole. Two tensors
that shared memory share it again, with the same strides and offsets, since the last bits of some sums depend on these.
"""

from __future__ import annotations

import enum
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

import torch
from torch import Tensor

from .tree import DTYPES, NUMBERS, Kind, fill, is_plain, kind_of, names_of, refuse

OWN = "byzsgd"


def encode(tree: object) -> tuple[object, dict[str, Tensor]]:
    """(JSON, flat tensors by name). Of a context only the name of its type is written; `decode` takes it as `outside`.

    ValueError names the position of a value that no State may hold.
    """
    writer = _Writer()
    return writer.node(tree, "state"), writer.tensors


def decode(
    node: object,
    tensors: Mapping[str, Tensor],
    outside: Mapping[type, object],
    plugins: Sequence[str] = (),
    device: torch.device | str | None = None,
) -> object:
    """The tree that `encode` took. `outside`: the contexts by type. `device`: that of its tensors; None: as they were.

    Types are looked up by name in the loaded modules of byzsgd and of `plugins`. Their objects are made without a call
    of their code. ValueError for any other name.
    """
    return _Reader(tensors, {_name(kind): item for kind, item in outside.items()}, (OWN, *plugins), device).node(node)


class _Writer:
    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._numbers: dict[int, int] = {}  # id of a container -> its number
        self._storages: dict[int, str] = {}

    def node(self, value: Any, where: str) -> object:
        kind: type = type(value)
        how = kind_of(kind)
        if how is None or (how is Kind.TENSOR and not is_plain(value)):
            refuse(value, "a checkpoint", where)
        if how is Kind.PLAIN:
            return ["float", repr(value)] if kind is float and not math.isfinite(value) else value
        if how is Kind.NUMPY:
            return ["numpy", kind.__name__, self.node(value.item(), where)]
        if how is Kind.ENUM:
            return ["enum", _name(kind), value.name]
        if how is Kind.CONTEXT:
            return ["outside", _name(kind)]
        number = self._numbers.get(id(value))
        if number is not None:
            return ["again", number]
        self._numbers[id(value)] = len(self._numbers)
        if how is Kind.TENSOR:
            return self._tensor(value)
        if how is Kind.TUPLE:
            return ["tuple", *(self.node(item, f"{where}[{number}]") for number, item in enumerate(value))]
        if how is Kind.DICT:
            return ["dict", *([self.node(k, where), self.node(item, f"{where}[{k!r}]")] for k, item in value.items())]
        values = {name: self.node(getattr(value, name), f"{where}.{name}") for name in names_of(kind)}
        return ["object", _name(kind), values]

    def _tensor(self, tensor: Tensor) -> object:
        storage = tensor.untyped_storage()
        size = tensor.element_size()
        key = storage._cdata
        if key not in self._storages:
            name = self._storages[key] = str(len(self._storages))
            # In the dtype of the first tensor that uses it, so that other programs can read it too.
            typed = tensor.dtype if storage.nbytes() % size == 0 else torch.uint8
            whole = torch.empty(0, dtype=typed, device=tensor.device)
            whole.set_(storage, 0, (storage.nbytes() // whole.element_size(),))  # type: ignore[call-overload]
            self.tensors[name] = whole.cpu()
        layout = [tensor.storage_offset(), list(tensor.shape), list(tensor.stride())]
        return ["tensor", self._storages[key], _dtype(tensor), str(tensor.device), *layout]


class _Reader:
    def __init__(
        self,
        tensors: Mapping[str, Tensor],
        outside: Mapping[str, object],
        packages: tuple[str, ...],
        device: torch.device | str | None,
    ) -> None:
        self._tensors = tensors
        self._outside = outside
        self._packages = packages
        self._device = device
        self._met: list[object] = []
        self._placed: dict[str, Tensor] = {}
        self._types: dict[str, type] = {}

    def node(self, node: object) -> Any:
        if not isinstance(node, list):
            return node
        kind, *rest = node
        if kind == "float":
            return float(rest[0])
        if kind == "numpy":
            return NUMBERS[rest[0]](self.node(rest[1]))
        if kind == "enum":
            return self._type(rest[0], enum.Enum)[rest[1]]  # type: ignore[index]
        if kind == "outside":
            if rest[0] not in self._outside:
                raise ValueError(f"a checkpoint with {rest[0]} needs one from its reader; got {sorted(self._outside)}")
            return self._outside[rest[0]]
        if kind == "again":
            return self._met[rest[0]]
        number = len(self._met)
        self._met.append(None)
        if kind == "tensor":
            self._met[number] = self._tensor(*rest)
        elif kind == "tuple":
            self._met[number] = tuple(self.node(item) for item in rest)
        elif kind == "dict":
            self._met[number] = entries = {}
            for key, item in rest:
                decoded = self.node(key)
                entries[decoded] = self.node(item)
        elif kind == "object":
            self._fill(number, *rest)
        else:
            raise ValueError(f"a checkpoint needs known kinds of nodes; got {kind}")
        return self._met[number]

    def _fill(self, number: int, name: str, values: Mapping[str, object]) -> None:
        kind = self._type(name, object)
        names = names_of(kind) if is_dataclass(kind) else ()
        if set(names) != values.keys():
            raise ValueError(f"a checkpoint needs the fields of {name} as they are now; got {sorted(values)}")
        instance: object = object.__new__(kind)
        self._met[number] = instance
        fill(instance, ((field, self.node(value)) for field, value in values.items()))

    def _tensor(
        self, storage: str, dtype: str, device: str, offset: int, shape: Sequence[int], stride: Sequence[int]
    ) -> Tensor:
        if storage not in self._placed:
            # A new allocation by torch, aligned like any new tensor.
            self._placed[storage] = self._tensors[storage].clone().to(self._device or device)
        whole = self._placed[storage]
        tensor = torch.empty(0, dtype=DTYPES[dtype], device=whole.device)
        # torch would enlarge a storage that is too small, with arbitrary bytes.
        last = offset + sum(step * (size - 1) for step, size in zip(stride, shape, strict=True))
        if 0 not in shape and (last + 1) * tensor.element_size() > whole.untyped_storage().nbytes():
            raise ValueError(f"a checkpoint needs tensors within their storage; got one of shape {shape} at {offset}")
        return tensor.set_(whole.untyped_storage(), offset, tuple(shape), tuple(stride))

    def _type(self, name: str, least: type) -> type:
        """The loaded class of this name. Nothing is imported, so nothing is executed."""
        if name in self._types:
            return self._types[name]
        module, _, qualname = name.partition(":")
        value: object = None
        if any(module == package or module.startswith(f"{package}.") for package in self._packages):
            value = sys.modules.get(module)
            for part in qualname.split("."):
                value = getattr(value, part, None)
        if not isinstance(value, type) or _name(value) != name or not issubclass(value, least):
            raise ValueError(f"a checkpoint needs types of {', '.join(self._packages)} that are in use; got {name}")
        self._types[name] = value
        return value


def _name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
