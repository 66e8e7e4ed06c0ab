"""The models of all nodes: the live ones, and earlier versions for as long as somebody reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from byzsgd.interfaces import Key, Optimizer
from byzsgd.kernel.copies import copy_of


@dataclass(eq=False)
class Models:
    """Every node's model, by node; a version is a model as it was after so many deliveries that wrote it."""

    live: dict[int, Tensor]  # node -> (d,), written in place
    version: dict[int, int]
    optimizer: dict[int, Any]  # node -> its optimizer's State
    applied: dict[int, int]  # node -> directions applied to it
    earlier: dict[Key, Tensor] = field(default_factory=dict)  # (d,) each, never written
    readers: dict[Key, int] = field(default_factory=dict)  # jobs and worker states that may use a version
    oldest: dict[int, int] = field(default_factory=dict)  # versions from here on stay without readers too
    written: dict[int, None] = field(default_factory=dict)  # nodes that the delivery under way has written

    @classmethod
    def of(cls, params: Tensor, nodes: int, optimizer: Optimizer) -> Models:
        """So many nodes with equal models; `params` (d,) is the live one of node 0."""
        live = {node: params.clone() if node else params for node in range(nodes)}
        states = {node: optimizer.init(model) for node, model in live.items()}
        return cls(live, dict.fromkeys(live, 0), states, dict.fromkeys(live, 0))

    def read(self, keys: Iterable[Key]) -> None:
        """One reader more for each."""
        readers = self.readers
        for key in keys:
            readers[key] = readers.get(key, 0) + 1

    def release(self, keys: Iterable[Key]) -> None:
        """One reader less for each; what nobody needs any more is dropped."""
        readers = self.readers
        for key in keys:
            rest = readers[key] - 1
            if rest:
                readers[key] = rest
                continue
            del readers[key]
            node, version = key
            if version < self.oldest.get(node, 0):
                self.earlier.pop(key, None)

    def exchange(self, node: int, old: Iterable[int], new: Iterable[int]) -> None:
        """A reader of some versions of a node reads others from now on."""
        self.read([(node, version) for version in new])
        self.release([(node, version) for version in old])

    def at(self, key: Key) -> Tensor:
        """(d,) a version, to be read at once: the live model needs no copy."""
        node, version = key
        return self.live[node] if version == self.version[node] else self.earlier[key]

    def snapshot(self, key: Key) -> Tensor:
        """(d,) a version that stays as it is."""
        model = self.earlier.get(key)
        if model is None:
            node, version = key
            # Nothing but the live model can be without a copy; anything earlier was dropped for good.
            assert version == self.version[node], f"version {version} of node {node} was dropped"
            model = self.earlier[key] = copy_of(self.live[node])
        return model

    def has(self, key: Key) -> bool:
        """Whether a version can be read."""
        node, version = key
        return version == self.version[node] or key in self.earlier

    def apply(self, node: int, direction: Tensor, optimizer: Optimizer, back: int) -> None:
        """The optimizer's next step along `direction` (d,) at a node; `back` as in `write`."""
        params = self.write(node, back)
        optimizer.apply(self.optimizer[node], params, direction, self.applied[node])
        self.applied[node] += 1

    def write(self, node: int, back: int) -> Tensor:
        """(d,) the live model, to be written in place; `back` versions before the new one stay without readers.

        However often one delivery writes a node, that is one version.
        """
        key = (node, self.version[node])
        if node in self.written:
            if key in self.readers:
                raise RuntimeError(f"a scheme needs to write node {node} before it starts a worker on it; got it after")
            return self.live[node]
        new = key[1] + 1
        oldest = max(new - back, 0)
        if key[1] >= oldest or key in self.readers:
            self.snapshot(key)
        self.written[node] = None
        self.version[node] = new
        for version in range(self.oldest.get(node, 0), oldest):
            if (node, version) not in self.readers:
                self.earlier.pop((node, version), None)
        self.oldest[node] = oldest
        return self.live[node]
