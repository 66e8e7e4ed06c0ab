"""The network: who is whose neighbour, with which weight, and what passes between two nodes."""

from __future__ import annotations

from typing import ClassVar, Generic, Protocol

import numpy as np
from torch import Tensor

from byzsgd.interfaces.values import S, value


class Graph(Protocol):
    """(n, generator) -> (n, n) booleans, symmetric, false on the diagonal."""

    varying: bool  # a new one in every round

    def __call__(self, num_workers: int, rng: np.random.Generator | None = None, /) -> np.ndarray: ...


class Mixing(Protocol):
    """(n, n) booleans -> W (n, n) float64, symmetric, with rows that sum to 1 and W_ij > 0 only where i, j are
    neighbours or the same."""

    def __call__(self, adjacency: np.ndarray, /) -> np.ndarray: ...


class NodeRule(Protocol):
    """own (d,), received (k, d), their weights (k,) -> (d,), in new memory."""

    def __call__(self, own: Tensor, received: Tensor, weights: Tensor, /) -> Tensor: ...


class Compress(Protocol):
    """A compressor without state, as an exchange uses it."""

    @property
    def random(self) -> bool:
        """Whether it draws; else it is given no uniforms."""

    def compress(self, vector: Tensor, uniforms: Tensor | None) -> tuple[Tensor, int]:
        """(d,) -> what the receiver decodes, (d,), and the exact number of bits."""

    def nominal_bits(self, num_parameters: int) -> int:
        """Bits of d coordinates, before they are computed; ValueError where the length depends on what is sent."""


@value
class Sent(Generic[S]):
    """What a node makes public in one round."""

    vector: Tensor  # (d,) as every neighbour has it
    bits: int  # for each neighbour
    state: S  # the node's next State of the exchange


class Exchange(Protocol[S]):
    """What passes between neighbours. Frozen; its State is a dict by node: node -> that node's own State."""

    memoryless: ClassVar[bool]  # what is sent depends on the model alone: pairs, other rules and lies to one need that
    steps_first: ClassVar[bool | None]  # the one order of steps that it allows; None: both
    random: bool  # whether it draws
    shared: bool  # all nodes draw the same numbers
    fixed_length: bool  # whether `nominal_bits` is the length of everything that is sent

    @property
    def gap_bound(self) -> float | None:
        """θ, the bound on the gap of neighbours that it relies on; None: on none."""

    def nominal_bits(self, num_parameters: int) -> int:
        """Bits of an edge and direction, of a model (d,); ValueError where they depend on what is sent."""

    def init(self, models: Tensor) -> dict[int, S]:
        """(n, d) -> the State of every node."""

    def send(self, state: S, model: Tensor, uniforms: Tensor | None) -> Sent[S]:
        """A node's own State and model (d,) -> what its neighbours have of it."""

    def rows(self, own: Tensor, received: Tensor) -> Tensor:
        """(d,), (k, d) of what was sent -> (k, d) the neighbours' models as this node believes them to be."""

    def mix_node(self, own: Tensor, sent: Tensor, received: Tensor, weights: Tensor) -> Tensor:
        """own (d,), what it sent itself (d,), what its k neighbours sent (k, d), their weights (k,) -> (d,)."""

    def pair(self, state: dict[int, S], own: Tensor, other: Tensor, uniforms: Tensor | None) -> tuple[Tensor, Tensor]:
        """Both models of a pair, (d,) each, after it has met."""

    def settle_node(self, state: S, before: Tensor, after: Tensor, uniforms: Tensor | None) -> Sent[S]:
        """The node's model after its step, from the one before the round: `after` itself where nothing is sent then."""
