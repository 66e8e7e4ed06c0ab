"""Which examples a batch holds: a function of (seed, data block, serial) and of nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from byzsgd.checks import require
from byzsgd.interfaces import Batch, BatchKey, Data, Sampling, Split
from byzsgd.kernel.randomness import Streams

T = TypeVar("T")
SERIALS = 16  # batches drawn from one generator, where they are small
EXAMPLES = 1024  # and the most examples drawn for them, which bounds the memory of 10,000 workers


@dataclass(frozen=True, slots=True)
class BatchViews:
    """Memory for g batches at once: the next call that takes it writes over what is there."""

    positions: Tensor  # (gB,) in the training data
    inputs: Tensor  # (gB, …)
    targets: Tensor  # (gB, …)
    batch: Batch  # (g, B, …) views of them


class BatchMemory:
    """Memory for the batches of a call, and every view of it, made once: fresh memory of this size comes from the
    system page by page, which can take longer than the gradients."""

    def __init__(self, train: Split, batch_size: int, num_classes: int) -> None:
        self._train, self._batch_size, self._num_classes = train, batch_size, num_classes
        self._room = 0
        self._views: dict[int, BatchViews] = {}

    def views(self, count: int) -> BatchViews:
        """For so many batches."""
        views = self._views.get(count)
        if views is None:
            if count > self._room:
                self._grow(max(count, 2 * self._room))
            views = self._views[count] = self._view(count)
        return views

    def _grow(self, room: int) -> None:
        self._room, self._views = room, {}
        inputs, targets = self._train.inputs, self._train.targets
        examples = room * self._batch_size
        self._positions = torch.empty(examples, dtype=torch.int64, device=inputs.device)
        self._inputs = inputs.new_empty((examples, *inputs.shape[1:]))
        self._targets = targets.new_empty((examples, *targets.shape[1:]))

    def _view(self, count: int) -> BatchViews:
        rows = slice(count * self._batch_size)
        inputs, targets = self._inputs[rows], self._targets[rows]
        shape = (count, self._batch_size)
        batch = Batch(
            inputs.view(*shape, *inputs.shape[1:]), targets.view(*shape, *targets.shape[1:]), self._num_classes
        )
        return BatchViews(self._positions[rows], inputs, targets, batch)


def check_sampling(batch_size: int | None, sampling: Sampling) -> None:
    """Raises ValueError where the two do not fit."""
    require(sampling in ("replacement", "shuffle", "full"), "batches", "sampling replacement, shuffle or full",
            sampling=sampling)  # fmt: skip
    if sampling == "full":
        require(batch_size is None, "sampling=full", "batch_size=null, since a batch is a whole block",
                batch_size=batch_size)  # fmt: skip
    else:
        require(batch_size is not None and batch_size >= 1, "batch_size", "a value >= 1, or null with "
                "worker.sampling=full", batch_size=batch_size, sampling=sampling)  # fmt: skip


class Batches:
    """Draws batches of `batch_size` examples (None with sampling=full) out of blocks of the training data.

    The draws of a block are one endless sequence of its examples, cut into batches: batch j is the j-th cut. It is
    drawn in stretches, the k-th from the generator (seed, "batch", block, k), so any batch is found without those
    before it and none costs a generator of its own.

    - replacement: independent uniform draws; a stretch is 16 batches (fewer where they are large).
    - shuffle: permutations of the block one after another, so a batch may join the end of one with the start of the
      next and its size is always the same; a stretch is as many whole permutations as make 16 batches, at least one.
    - full: every batch is the whole block, in stored order.

    The data's own `augment` changes the drawn inputs with the generator (seed, "augment", block, serial).
    """

    def __init__(
        self,
        data: Data,
        blocks: Sequence[np.ndarray],
        streams: Streams,
        batch_size: int | None,
        sampling: Sampling = "replacement",
    ) -> None:
        check_sampling(batch_size, sampling)
        require(
            all(len(block) > 0 for block in blocks),
            "batches",
            "at least one example in every block",
            sizes=[len(block) for block in blocks][:20],
        )
        self.train = data.train
        self.batch_size = size = batch_size or max(len(block) for block in blocks)
        self.sampling = sampling
        self.num_classes = data.num_classes
        self._memory = BatchMemory(data.train, size, data.num_classes)
        self._blocks = [np.asarray(block, dtype=np.int64) for block in blocks]
        self._draws, self._changes = streams.stream("batch"), streams.stream("augment")
        self._augment = data.augment
        self._device = data.train.inputs.device
        serials = max(1, min(SERIALS, EXAMPLES // size))
        self._stretch_length = serials * size
        self._rows: dict[tuple[int, int], tuple[Tensor, ...]] = {}  # (block, stretch) -> (B,) each; the newest
        self._stretches: dict[tuple[int, int], Tensor] = {}
        self._serials = serials
        self._room = len(blocks) + 64
        self._whole = [torch.from_numpy(block).to(self._device) for block in self._blocks] if sampling == "full" else []

    @property
    def augmented(self) -> bool:
        """Whether batches show other inputs than the training data holds."""
        return self._augment is not None

    def size(self, key: BatchKey) -> int:
        """How many examples a batch has."""
        return len(self._whole[key.block]) if self._whole else self.batch_size

    def indices(self, key: BatchKey) -> Tensor:
        """(B,) positions in the training data."""
        if self.sampling == "full":
            return self._whole[key.block]
        if self.sampling == "shuffle":
            return self._from_permutations(key)
        stretch, row = divmod(key.serial, self._serials)
        rows = self._rows.get((key.block, stretch))
        if rows is None:
            rows = self._keep(self._rows, (key.block, stretch), self._replacement(key.block, stretch))
        return rows[row]

    def batch(self, key: BatchKey) -> Batch:
        """(B, …) inputs and their targets."""
        at = self.indices(key)
        inputs = self.train.inputs.index_select(0, at)
        if self._augment is not None:
            inputs = self._augment(inputs, self._changes.at(key.block, key.serial))
        return Batch(inputs, self.train.targets.index_select(0, at), self.num_classes)

    def batches(self, keys: Sequence[BatchKey]) -> Batch:
        """(g, B, …): the batches of g keys of one size at once, in memory that the next call uses again."""
        if self.sampling == "full":
            parts = [self.batch(key) for key in keys]
            inputs, targets = ([getattr(part, name) for part in parts] for name in ("inputs", "targets"))
            return Batch(torch.stack(inputs), torch.stack(targets), self.num_classes)
        views = self._memory.views(len(keys))
        if self._augment is None:
            torch.cat([self.indices(key) for key in keys], out=views.positions)
            torch.index_select(self.train.inputs, 0, views.positions, out=views.inputs)
            torch.index_select(self.train.targets, 0, views.positions, out=views.targets)
        else:
            parts = [self.batch(key) for key in keys]
            torch.cat([part.inputs for part in parts], out=views.inputs)
            torch.cat([part.targets for part in parts], out=views.targets)
        return views.batch

    @property
    def together(self) -> int:
        """How many batches are drawn at once."""
        return self._serials

    def block(self, block: int, number: int) -> np.ndarray:
        """(`together`, B) positions in the training data: the batches of the serials from number·`together` on."""
        if self.sampling == "shuffle":
            first = number * self._serials
            keys = [BatchKey(block, serial) for serial in range(first, first + self._serials)]
            return np.stack([self.indices(key).cpu().numpy() for key in keys])
        members = self._blocks[block]
        picks = self._draws.at(block, number).integers(len(members), size=self._stretch_length)
        return members[picks].reshape(self._serials, self.batch_size)

    def _replacement(self, block: int, stretch: int) -> tuple[Tensor, ...]:
        positions = torch.from_numpy(self.block(block, stretch)).to(self._device)
        return tuple(torch.unbind(positions))

    def _from_permutations(self, key: BatchKey) -> Tensor:
        start = key.serial * self.batch_size
        pieces: list[Tensor] = []
        rest = self.batch_size
        while rest > 0:
            stretch, offset = divmod(start, self._length(key.block))
            sequence = self._stretches.get((key.block, stretch))
            if sequence is None:
                sequence = self._keep(self._stretches, (key.block, stretch), self._permutations(key.block, stretch))
            piece = sequence[offset : offset + rest]
            pieces.append(piece)
            start += len(piece)
            rest -= len(piece)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    def _length(self, block: int) -> int:
        size = len(self._blocks[block])
        return size * -(-self._stretch_length // size)

    def _permutations(self, block: int, stretch: int) -> Tensor:
        members = self._blocks[block]
        copies = np.tile(members, (self._length(block) // len(members), 1))
        permutations = self._draws.at(block, stretch).permuted(copies, axis=1)
        return torch.from_numpy(permutations.reshape(-1)).to(self._device)

    def _keep(self, memo: dict[tuple[int, int], T], key: tuple[int, int], values: T) -> T:
        if len(memo) >= self._room:
            del memo[next(iter(memo))]  # the oldest; drawn again if it is ever asked for
        memo[key] = values
        return values
